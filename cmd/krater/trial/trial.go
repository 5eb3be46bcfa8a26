// Package trial runs a filter that was verified in a real, throwaway Envoy,
// sends requests through it, and tells how it went.
package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/filters/sandbox"
	"github.com/krater-mesh/krater/filters/verify"
)

// Options of a trial.
type Options struct {
	Envoy    string // its binary; "": as for the mesh
	Filter   sandbox.Filter
	Requests int // 0: 200
}

// Result is how it went.
type Result struct {
	StartTime     time.Duration    `json:"startTimeNanos"`     // until new connections had it
	MemoryBefore  int64            `json:"memoryBeforeBytes"`  // Envoy's, resident, without the filter
	MemoryAtStart int64            `json:"memoryAtStartBytes"` // with it
	MemoryAfter   int64            `json:"memoryAfterBytes"`   // after the requests
	Requests      int              `json:"requests"`
	Statuses      map[int]int      `json:"statuses,omitempty"` // of the answers
	Findings      []verify.Finding `json:"findings,omitempty"`
	Log           []string         `json:"log,omitempty"` // the lines that tell of a finding
}

// OK tells that no finding is an error.
func (r Result) OK() bool { return verify.Report{Findings: r.Findings}.OK() }

// CheckEnvoy is what findings of a trial are about.
const CheckEnvoy verify.Check = "envoy"

func (r *Result) fail(fix, format string, args ...any) {
	r.Findings = append(r.Findings, verify.Finding{Check: CheckEnvoy, Level: verify.Error, Message: fmt.Sprintf(format, args...), Fix: fix})
}

// Run tries a filter. The error is one that has nothing to do with it.
func Run(ctx context.Context, o Options) (Result, error) {
	r := Result{Statuses: map[int]int{}}
	if o.Envoy == "" {
		found, err := agent.FindEnvoy()
		if err != nil {
			return r, err
		}
		o.Envoy = found
	}
	s, err := sandbox.Start(ctx, sandbox.Options{Envoy: o.Envoy})
	if err != nil {
		return r, err
	}
	defer s.Close()
	if r.MemoryBefore, err = s.Memory(); err != nil {
		return r, err
	}
	if r.StartTime, err = s.Load(ctx, o.Filter); err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		r.fail("see what it says", "%v", err)
		return r, nil
	}
	if r.MemoryAtStart, err = s.Memory(); err != nil {
		return r, err
	}
	if o.Requests == 0 {
		o.Requests = 200
	}
	r.send(ctx, s, o)
	r.MemoryAfter, err = s.Memory()
	select {
	case <-s.Ended(): // the finding says so
		return r, nil
	default:
		return r, errors.Join(err, ctx.Err())
	}
}

// send sends requests, until one shows that the filter is broken.
func (r *Result) send(ctx context.Context, s *sandbox.Sandbox, o Options) {
	client := &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{DisableKeepAlives: o.Filter.Network}, // such a filter sees connections
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	for n := range o.Requests {
		form := forms[n%len(forms)]
		status, err := form.send(ctx, client, s.URL())
		r.Requests = n + 1
		if err == nil {
			r.Statuses[status]++
		}
		if lines := told(ctx, s, err != nil || status >= http.StatusInternalServerError && r.Statuses[status] == 1); len(lines) > 0 {
			r.Log = lines
			r.fail("find what it does there: a trap ends the filter in the proxy", "the filter traps in request %d (%s): %s", n+1, form.name, lines[0])
			return
		}
		select {
		case <-s.Ended():
			r.fail("do not give it to a proxy", "Envoy ended in request %d (%s)", n+1, form.name)
			return
		default:
		}
		if err != nil && !form.odd {
			r.fail("see that it lets requests go on, or answers them", "request %d (%s) got no answer: %v", n+1, form.name, err)
			return
		}
		s.Seen() // forgets
	}
}

// told gives what Envoy's log says of a broken filter. A line may come after
// the answer that it is about: where an answer looks like a failure, it is
// waited for a little.
func told(ctx context.Context, s *sandbox.Sandbox, failed bool) []string {
	lines := traps(s.Log())
	for end := time.Now().Add(time.Second); failed && len(lines) == 0 && time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(10 * time.Millisecond)
		lines = traps(s.Log())
	}
	return lines
}

// traps are the lines by which Envoy tells that a filter is broken.
func traps(log []string) (lines []string) {
	for _, l := range log {
		if strings.Contains(l, "Uncaught") || strings.Contains(l, "wasm: Function") || strings.Contains(l, "Function: proxy_") {
			lines = append(lines, l)
		}
	}
	return lines
}

// form is a request that a client may send.
type form struct {
	name    string
	method  string
	path    string
	body    string
	headers map[string]string
	odd     bool // Envoy itself may refuse it
}

var forms = []form{
	{name: "plain", method: "GET", path: "/"},
	{name: "a query", method: "GET", path: "/products/7/reviews?lang=de&q=a%20b+c&empty=&=x&q=2"},
	{name: "a body", method: "POST", path: "/", body: `{"id":1,"name":"n","list":[1,2,3]}`},
	{name: "a large body", method: "POST", path: "/", body: strings.Repeat("0123456789abcdef", 16<<10)},
	{name: "a body that is cut off", method: "POST", path: "/", body: `{"id":1,"name"`},
	{name: "a body that is no text", method: "PUT", path: "/", body: "\x80\xff\x00\xfe\xc0"},
	{name: "a long header", method: "GET", path: "/", headers: map[string]string{"X-Long": strings.Repeat("a", 20<<10)}},
	{name: "a long path", method: "GET", path: "/" + strings.Repeat("a", 20<<10)},
	{name: "many headers", method: "GET", path: "/", headers: numbered(80)},
	{name: "headers without values", method: "GET", path: "/", headers: map[string]string{"Authorization": "", "Cookie": ""}},
	{name: "a token that is none", method: "GET", path: "/", headers: map[string]string{"Authorization": "Bearer a.b.c.d", "Cookie": ";;=a;==;b"}},
	{name: "bytes that are no text", method: "GET", path: "/%ff%00", headers: map[string]string{"X-Bytes": "\x80\xff\xfe"}, odd: true},
	{name: "a request for nothing", method: "HEAD", path: "/"},
	{name: "options", method: "OPTIONS", path: "/"},
	{name: "deletion", method: "DELETE", path: "/a/b/../c//d"},
}

func numbered(n int) map[string]string {
	all := map[string]string{}
	for i := range n {
		all[fmt.Sprintf("X-Many-%d", i)] = strings.Repeat("v", i)
	}
	return all
}

func (f form) send(ctx context.Context, client *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, f.method, url+f.path, strings.NewReader(f.body))
	if err != nil {
		return 0, err
	}
	for name, value := range f.headers {
		req.Header[name] = []string{value}
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}
