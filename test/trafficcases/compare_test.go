package trafficcases_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/krater-mesh/krater/test/trafficcases"
)

// compare tells how one answer differs from what is wanted.
func compare(w *world, c *caller, id string, a answer) (errs []string) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Sprintf(format, args...)) }
	want := c.r.Want
	if want.Fails != "" || a.err != nil {
		if a.err == nil || want.Fails == "" || want.Fails != "any" && !strings.Contains(a.err.Error(), want.Fails) {
			bad("error %v, want %q", a.err, want.Fails)
		}
		return errs
	}
	status := want.Status
	if status == 0 {
		status = http.StatusOK
		if c.method == "WEBSOCKET" {
			status = http.StatusSwitchingProtocols
		}
	}
	equal := func(what, want, have string) {
		if want != "" && want != have {
			bad("%s %q, want %q", what, have, want)
		}
	}
	equal("status", strconv.Itoa(status), strconv.Itoa(a.status))
	if len(want.To) > 0 && !slices.Contains(want.To, w.upstreams.name(a.at)) {
		bad("%s answers, want %v", w.upstreams.name(a.at), want.To)
	}
	equal("cluster", want.Cluster, a.headers.Get("x-told-cluster"))
	equal("route", want.Route, a.headers.Get("x-told-route"))
	equal("details", want.Details, a.headers.Get("x-told-details"))
	equal("flags", want.Flags, a.headers.Get("x-told-flags"))
	equal("location", want.Location, a.headers.Get("location"))
	equal("peer name", want.PeerName, a.peerName)
	equal("protocol", want.Protocol, a.protocol)
	if want.Body != nil && *want.Body != a.body {
		bad("body %q, want %q", a.body, *want.Body)
	}
	for name, value := range want.Response {
		if have := a.headers.Values(name); !wanted(value, have) {
			bad("response header %s: %q, want %v", name, have, value)
		}
	}
	if want.GRPC != nil {
		have := a.trailers.Get("grpc-status")
		if have == "" {
			have = a.headers.Get("grpc-status")
		}
		equal("grpc-status", strconv.Itoa(*want.GRPC), have)
	}
	if len(c.r.Messages) > 0 && a.status == 200 && (want.GRPC == nil || *want.GRPC == 0) && !slices.Equal(a.messages, c.r.Messages) {
		bad("messages %q, want those that were sent", a.messages)
	}
	if want.Took != "" && !within(a.took, want.Took) {
		bad("took %s, want %s", a.took.Round(time.Millisecond), want.Took)
	}
	for _, e := range compareUpstream(w, want.Upstream, id, a) {
		bad("%s", e)
	}
	return errs
}

// compareUpstream compares what arrived at the upstream that answered last.
func compareUpstream(w *world, want trafficcases.Upstream, id string, a answer) (errs []string) {
	if b, _ := json.Marshal(want); string(b) == "{}" {
		return nil
	}
	got, ok := w.upstreams.last(id, a.at)
	if !ok {
		return []string{"nothing arrived upstream"}
	}
	for _, one := range []struct{ what, want, have string }{
		{"method", want.Method, got.Method}, {"path", want.Path, got.Path}, {"authority", want.Authority, got.Authority},
		{"protocol", want.Protocol, got.Protocol}, {"from", w.local(want.From), got.From}, {"SNI", want.SNI, got.SNI},
		{"ALPN", want.ALPN, got.ALPN}, {"peer", want.Peer, got.Peer},
	} {
		if one.want != "" && one.want != one.have {
			errs = append(errs, fmt.Sprintf("upstream %s %q, want %q", one.what, one.have, one.want))
		}
	}
	if want.Body != nil && *want.Body != got.Body {
		errs = append(errs, fmt.Sprintf("upstream body %q, want %q", got.Body, *want.Body))
	}
	for name, value := range want.Headers {
		if have := got.Headers.Values(name); !wanted(value, have) {
			errs = append(errs, fmt.Sprintf("upstream header %s: %q, want %v", name, have, value))
		}
	}
	return errs
}

// tally counts the answers of a request that is sent many times.
type tally struct {
	by      map[string]int // workload, or status where none answered
	answers int
}

func newTally() *tally { return &tally{by: map[string]int{}} }

func (t *tally) add(who string, a answer) {
	if who == "" {
		who = strconv.Itoa(a.status)
	}
	if a.err != nil {
		who = "error"
	}
	t.by[who]++
	t.answers++
}

func (t *tally) compare(want trafficcases.Want, times int, bad func(string, ...any)) {
	for who, share := range want.Shares {
		low, high := span(share, parseFloat)
		if have := 100 * float64(t.by[who]) / float64(times); have < low || have > high {
			bad("%s answers %.1f%%, want %s%%: %v", who, have, share, t.by)
		}
	}
	for who := range t.by {
		if _, known := want.Shares[who]; want.Shares != nil && !known {
			bad("%s answers %d of %d, want it to answer none", who, t.by[who], times)
		}
	}
	if want.Distinct > 0 && len(t.by) != want.Distinct {
		bad("%d workloads answer, want %d: %v", len(t.by), want.Distinct, t.by)
	}
}

func parseFloat(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

// compareCopies counts what arrived: retries, mirrored copies, and what must
// reach nobody. Copies come when they come.
func (w *world) compareCopies(want trafficcases.Want, prefix string, times int, bad func(string, ...any)) {
	count := func() map[string]int {
		out := map[string]int{}
		for _, a := range w.upstreams.of(prefix) {
			out[w.upstreams.name(a.At)]++
		}
		return out
	}
	for who, share := range want.Mirrored {
		low, high := span(share, parseFloat)
		for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			sum, got := 0, count()
			for one := range strings.SplitSeq(who, ",") { // several share the copies
				sum += got[one]
			}
			have := 100 * float64(sum) / float64(times)
			if have >= low && have <= high {
				break
			}
			if time.Now().After(deadline) || have > high {
				bad("%s gets copies of %.1f%%, want %s%%", who, have, share)
				break
			}
		}
	}
	got, answered := count(), 0
	for who, n := range got {
		if slices.Contains(want.Never, who) {
			bad("%s gets %d requests, want none", who, n)
		}
		if !strings.Contains(strings.Join(slices.Collect(maps.Keys(want.Mirrored)), ","), who) {
			answered += n
		}
	}
	if want.Attempts != "" {
		if low, high := span(want.Attempts, strconv.Atoi); answered < low*times || answered > high*times {
			bad("%d requests arrive upstream for %d, want %s for each", answered, times, want.Attempts)
		}
	}
}
