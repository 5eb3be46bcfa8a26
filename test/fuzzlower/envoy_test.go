package fuzzlower

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
	"github.com/krater-mesh/krater/xds/translate"
)

// group is what selects one workload: policies in an order.
type group []candidate

// units are a group twice: as a proxy has it, and with nothing lowered, so
// that policyd is always asked.
func (g group) units() (lowered, asked envoyrunner.Unit) {
	for i, p := range g {
		m := p.model
		m.Object.Name = fmt.Sprintf("p%d", i)
		lowered.Rego = append(lowered.Rego, m)
		m.Lowered = nil
		asked.Rego = append(asked.Rego, m)
	}
	return lowered, asked
}

func (g group) atoms() (out []Atom) {
	for _, p := range g {
		out = append(out, p.drawn.Atoms...)
	}
	return out
}

// atOnce is how many groups one configuration has.
const atOnce = 125

// throughEnvoy sends so many requests to each of so many groups.
func (c *campaign) throughEnvoy(groups, requests int) {
	runner := envoyrunner.Start(c.t, translate.Options{})
	for groups > 0 {
		var list []group
		for range min(groups, atOnce) {
			g := group{c.policy()}
			for d := New(c.seed+2<<32, c.next); len(g) < 3 && d.chance(15); {
				g = append(g, c.policy())
			}
			list = append(list, g)
		}
		groups -= len(list)
		c.publish(runner, list)
		var open sync.WaitGroup
		var mu sync.Mutex
		var wrong []finding
		for worker := range 3 {
			open.Add(1)
			go func() {
				defer open.Done()
				client := runner.Client()
				defer client.Close()
				for i := worker; i < len(list); i += 3 {
					found := c.ask(client, &mu, list[i], i, requests)
					mu.Lock()
					wrong = append(wrong, found...)
					c.progress()
					mu.Unlock()
				}
			}()
		}
		open.Wait()
		for _, f := range wrong {
			f = c.shrinkInEnvoy(runner, f)
			c.found = append(c.found, f.why)
			c.t.Errorf("seed %d, draw %d: %s\n%s", c.seed, f.group[0].draw, f.why, f.text(c))
			if len(c.found) >= 5 {
				c.t.FailNow()
			}
		}
	}
}

func (c *campaign) publish(runner *envoyrunner.Runner, list []group) {
	c.t.Helper()
	var units []envoyrunner.Unit
	for _, g := range list {
		lowered, asked := g.units()
		units = append(units, lowered, asked)
	}
	for _, p := range runner.Publish(units...) {
		if p.Severity == model.Error {
			c.t.Fatalf("publishing what compiled: %v", p)
		}
	}
}

// finding is a disagreement in Envoy.
type finding struct {
	group   group
	request Request
	why     string
}

// ask sends requests to a group; it stops at the first disagreement.
func (c *campaign) ask(client *envoyrunner.Client, mu *sync.Mutex, g group, i, requests int) []finding {
	d, atoms := New(c.seed+3<<32, g[0].draw), g.atoms()
	for range requests {
		r := d.Request(atoms)
		verdict, refused, why := c.compare(client, g, i, r)
		mu.Lock()
		switch {
		case refused:
			c.refused++
		case why == "":
			c.wire++
			c.wired[verdict]++
		}
		mu.Unlock()
		if why != "" {
			return []finding{{group: g, request: r, why: why}}
		}
	}
	return nil
}

// compare sends a request both ways, and holds what came of it to each other
// and to the reference evaluator.
func (c *campaign) compare(client *envoyrunner.Client, g group, i int, r Request) (verdict model.Verdict, refused bool, why string) {
	want, wantErr := client.Send(2*i+1, r.Case())
	got, err := client.Send(2*i, r.Case())
	if err != nil || wantErr != nil {
		if err != nil && wantErr != nil && len(want.Asked) == 0 && len(got.Asked) == 0 {
			return "", true, "" // no request for this proxy: it hung up
		}
		return "", false, fmt.Sprintf("one of both broke: %v; asked: %v", err, wantErr)
	}
	refused = len(want.Asked) == 0
	verdict = model.VerdictAsk
	if len(got.Asked) == 0 {
		if verdict = model.VerdictAllow; got.Upstream == nil {
			verdict = model.VerdictDeny
		}
	}
	if lowered, asked := seen(got), seen(want); lowered != asked {
		return verdict, refused, fmt.Sprintf("Envoy %ss: %s\nOPA: %s", verdict, lowered, asked)
	}
	if v, ok := r.Received(); ok && !refused {
		if by := g.byLowered(r, r.Told(v, want.Asked[0])); by != verdict {
			return verdict, refused, fmt.Sprintf("Envoy's verdict is %s, the reference evaluator's %s", verdict, by)
		}
	}
	return verdict, refused, ""
}

// byLowered is the first verdict that is no allow. A policy that the proxy has
// no room for is asked about.
func (g group) byLowered(r Request, v explain.View) model.Verdict {
	policies := make([]*model.RegoPolicy, len(g))
	for i := range g {
		policies[i] = &g[i].model
	}
	native := model.LoweredBudget{}.Native(policies)
	for i, p := range g {
		if !native[i] {
			return model.VerdictAsk
		}
		if verdict, _ := ByLowered(p.model.Lowered, r, v); verdict != model.VerdictAllow {
			return verdict
		}
	}
	return model.VerdictAllow
}

// seen is all that a policy has a say in.
func seen(a envoyrunner.Answer) string {
	out := fmt.Sprintf("%d %q %s", a.Status, a.Body, headersSeen(a.Header))
	if a.Upstream != nil {
		var lines []string
		for _, h := range a.Upstream.Headers {
			if !slices.Contains(ownHeaders, strings.ToLower(h[0])) {
				lines = append(lines, h[0]+": "+h[1])
			}
		}
		slices.Sort(lines)
		out += fmt.Sprintf(" upstream %q %q %q", a.Upstream.Line, lines, a.Upstream.Body)
	}
	return out
}

// ownHeaders differ from request to request.
var ownHeaders = []string{"x-request-id", "date", "x-envoy-upstream-service-time", "x-envoy-expected-rq-timeout-ms", "connection", "traceparent", "tracestate"}

func headersSeen(h http.Header) string {
	var lines []string
	for name, values := range h {
		if !slices.Contains(ownHeaders, strings.ToLower(name)) {
			for _, v := range values {
				lines = append(lines, strings.ToLower(name)+": "+v)
			}
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%q", lines)
}

// text is a finding as cases, one for each policy.
func (f finding) text(c *campaign) string {
	var b strings.Builder
	for _, p := range f.group {
		opa, _ := ByOPA(p.compiled, f.request)
		fmt.Fprintf(&b, "%s\nlowered: %s\n", CaseFile(p.drawn, f.request, opa), asJSON(p.model.Lowered))
	}
	return b.String()
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
