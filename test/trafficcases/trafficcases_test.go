package trafficcases_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/trafficcases"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCases runs every case: analysis, a real Envoy for each caller, and
// package explain.
func TestCases(t *testing.T) {
	suites, err := trafficcases.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	w, n := newWorld(t), 0
	for _, s := range suites {
		for i, c := range s.Cases {
			c.Config = s.Config + "\n---\n" + c.Config
			n++
			t.Run(strings.TrimSuffix(s.File, ".yaml")+"/"+c.Name, func(t *testing.T) {
				if c.Pending != "" && os.Getenv("KRATER_PENDING") == "" {
					t.Skip("pending: " + c.Pending)
				}
				if c.Name == "" {
					t.Errorf("case %d of %s has no name", i, s.File)
				}
				w.run(t, fmt.Sprintf("%d", n), c)
			})
		}
	}
	t.Logf("%d cases", n)
}

// run is one case.
func (w *world) run(t *testing.T, id string, c trafficcases.Case) {
	b := w.build(t, c.Config, c.MeshConfig)
	resolved := map[string][]string{}
	for name, ips := range c.DNS {
		for _, ip := range ips {
			resolved[strings.ToLower(name)] = append(resolved[strings.ToLower(name)], w.local(ip))
		}
	}
	w.names.set(resolved)
	real := callers(t, c, b.Snapshot)
	var callers []*caller
	var asked []string
	for i, r := range c.Requests {
		workload, _ := b.Snapshot.Workload(from(r))
		one, err := newCaller(w, b.Snapshot, workload, r)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		defer one.close()
		callers, asked = append(callers, one), append(asked, one.port())
	}
	w.listen(b, real, resolved, asked)
	problems := b.Problems
	for _, workload := range real {
		set, more := w.translated(b, workload)
		problems = append(problems, more...)
		for _, refused := range w.proxy(workload, set).publish(t, set) {
			t.Errorf("the proxy of %s refuses %s", workload.ID(), refused)
		}
	}
	compareProblems(t, c.Problems, problems)
	for i, one := range callers {
		if errs := w.request(b, one, fmt.Sprintf("%s.%d.", id, i)); len(errs) > 0 {
			t.Errorf("request %d, %s from %s:\n\t%s", i, one.r.Send, one.from.Name, strings.Join(errs, "\n\t"))
		}
	}
}

// compareProblems wants exactly the declared ones, infos apart.
func compareProblems(t *testing.T, want []string, got model.Problems) {
	t.Helper()
	var found []string
	for _, p := range got {
		name := p.Code + " " + p.Object.Kind + "/" + p.Object.Name
		if p.Severity == model.Info && !slices.Contains(want, name) || slices.Contains(found, name) {
			continue
		}
		if found = append(found, name); !slices.Contains(want, name) {
			t.Errorf("problem: %s", p)
		}
	}
	for _, name := range want {
		if !slices.Contains(found, name) {
			t.Errorf("no problem %s", name)
		}
	}
}

// request sends one request as often as it says, and tells what is wrong.
func (w *world) request(b built, c *caller, prefix string) (errs []string) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Sprintf(format, args...)) }
	tally, times := newTally(), max(1, c.r.Times)
	for i := range times {
		id := fmt.Sprintf("%s%d.", prefix, i)
		a := c.send(id)
		tally.add(w.upstreams.name(a.at), a)
		if c.r.Want.Shares != nil && (i > 0 || a.at == "") {
			continue // only the count differs
		}
		for _, e := range compare(w, c, id, a) {
			bad("%s", e)
		}
		if c.r.Unexplained == "" {
			for _, e := range w.explained(b, c, id, a) {
				bad("explain: %s", e)
			}
		}
		if len(errs) > 0 {
			bad("the answer: %s", describe(a))
			return errs
		}
	}
	tally.compare(c.r.Want, times, bad)
	w.compareCopies(c.r.Want, prefix, times, bad)
	return errs
}

func describe(a answer) string {
	if a.err != nil {
		return a.err.Error()
	}
	body := a.body
	if len(body) > 700 {
		body = body[:700] + "…"
	}
	return fmt.Sprintf("%d %v %s", a.status, a.headers, strings.TrimSpace(body))
}

// span reads "3", "60-90" or "100ms-2s".
func span[T any](text string, parse func(string) (T, error)) (low, high T) {
	a, b, both := strings.Cut(text, "-")
	if !both {
		b = a
	}
	low, err := parse(strings.TrimSuffix(a, "%"))
	if err == nil {
		high, err = parse(strings.TrimSuffix(b, "%"))
	}
	if err != nil {
		panic(fmt.Sprintf("reading the range %q: %v", text, err))
	}
	return low, high
}

// wanted tells whether a value is as a case has it: null for absent, "~" and a
// regular expression, else the text.
func wanted(want any, have []string) bool {
	switch v := want.(type) {
	case nil:
		return len(have) == 0
	case []any:
		return slices.EqualFunc(v, have, func(a any, b string) bool { return fmt.Sprint(a) == b })
	}
	text := fmt.Sprint(want)
	if re, ok := strings.CutPrefix(text, "~"); ok {
		return len(have) > 0 && regexp.MustCompile("^(?:"+re+")$").MatchString(strings.Join(have, ","))
	}
	return len(have) > 0 && strings.Join(have, ",") == text
}

func within(d time.Duration, text string) bool {
	low, high := span(text, time.ParseDuration)
	return d >= low && d <= high
}
