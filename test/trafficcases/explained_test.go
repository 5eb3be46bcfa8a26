package trafficcases_test

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/explain"
)

// explained asks package explain what the request comes to, and tells how that
// differs from what the proxies did.
func (w *world) explained(b built, c *caller, id string, a answer) (errs []string) {
	x, err := explain.Explain(b.Snapshot, b.Endpoints, nil, c.explainable(id))
	if err != nil {
		return []string{err.Error()}
	}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Sprintf(format, args...)) }
	cluster, who := a.headers.Get("x-told-cluster"), w.upstreams.name(a.at)
	if cluster == "-" {
		cluster = ""
	}
	outcome, known := w.agreeing(x, cluster, who, a.status)
	if !known {
		bad("no outcome by cluster %q at %s: %+v", cluster, who, x.Outcomes)
		return errs
	}
	verdict := outcome.Verdict
	status := slices.ContainsFunc(verdict.Instead, func(o explain.Alternative) bool { return int(o.Status) == a.status })
	if !verdict.Upstream && int(verdict.Status) != a.status && !status || verdict.Upstream && a.at == "" && !status {
		bad("status %d by %s (%s), the proxy answers %d", verdict.Status, verdict.Details, verdict.Reason, a.status)
	}
	route := x.First.Route
	if route == nil {
		return errs
	}
	if told := a.headers.Get("x-told-route"); told != route.Name && !(told == "-" && route.Name == "") {
		bad("route %q, the proxy takes %q", route.Name, told)
	}
	if a.status/100 == 3 && a.at == "" && route.Location != a.headers.Get("location") {
		bad("location %q, the proxy answers %q", route.Location, a.headers.Get("location"))
	}
	if a.at != "" {
		for _, e := range w.arrives(x, outcome, id, a) {
			bad("%s", e)
		}
	}
	return errs
}

// explainable is the request as package explain takes it.
func (c *caller) explainable(id string) explain.Request {
	r := explain.Request{From: c.from.ID(), Host: c.url.Host, Method: c.method, Path: c.url.RequestURI(), Headers: explain.Headers{"x-case": {id}}}
	r.SourceAddress = c.w.local(c.r.Source)
	switch c.method {
	case "GRPC":
		r.Method = "POST"
		r.Headers["content-type"], r.Headers["te"] = []string{"application/grpc"}, []string{"trailers"}
	case "WEBSOCKET":
		r.Method = "GET"
	}
	for _, h := range c.headers {
		if name := strings.ToLower(h[0]); name != "host" {
			r.Headers[name] = append(r.Headers[name], h[1])
		} else if !c.absolute() {
			r.Host = h[1]
		}
	}
	return r
}

// agreeing is the outcome of what happened. Where no upstream answered, the
// cluster may be told that would have been asked, or none.
func (w *world) agreeing(x explain.Explanation, cluster, who string, status int) (explain.Outcome, bool) {
	i := slices.IndexFunc(x.Outcomes, func(o explain.Outcome) bool {
		served := who == "" || len(o.Workloads) == 0 || slices.ContainsFunc(o.Workloads, func(name string) bool {
			return slices.Contains(w.places(name), who) || strings.HasSuffix(name, "/"+who)
		})
		return o.Cluster == cluster && served
	})
	if i < 0 && who == "" {
		i = slices.IndexFunc(x.Outcomes, func(o explain.Outcome) bool { return int(o.Verdict.Status) == status })
	}
	if i < 0 {
		return explain.Outcome{}, false
	}
	return x.Outcomes[i], true
}

// places are what a workload or "HOST:PORT" of an outcome is called in cases.
func (w *world) places(name string) []string {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return []string{name}
	}
	var out []string
	for _, ip := range append(w.names.of(host), host) {
		out = append(out, strings.Replace(net.JoinHostPort(ip, port), w.network, "127.80.", 1))
	}
	return out
}

// arrives compares the request as it is sent on with what arrived. Two shares
// of one cluster may change it differently.
func (w *world) arrives(x explain.Explanation, o explain.Outcome, id string, a answer) (errs []string) {
	got, arrived := w.upstreams.last(id, a.at)
	for _, t := range x.First.Route.Targets {
		if t.Cluster != o.Cluster || !arrived {
			continue
		}
		if errs = differs(t.Request, got); len(errs) == 0 {
			return nil
		}
	}
	return errs
}

// differs tells how a request that was sent is not the one that arrived.
func differs(sent explain.View, got arrival) (errs []string) {
	if got.Path != sent.Path || got.Authority != sent.Authority || got.Method != sent.Method {
		errs = append(errs, fmt.Sprintf("%s %s to %s arrives, the proxy sends %s %s to %s", sent.Method, sent.Path, sent.Authority, got.Method, got.Path, got.Authority))
	}
	for name, values := range sent.Headers {
		if strings.Contains(strings.Join(values, ","), "%") {
			continue // what a command gives is known to a proxy only
		}
		if have := got.Headers.Values(name); !isHop(name) && strings.Join(have, ",") != strings.Join(values, ",") {
			errs = append(errs, fmt.Sprintf("header %s: %q, the proxy sends %q", name, values, have))
		}
	}
	for name := range got.Headers {
		if name = strings.ToLower(name); sent.Headers[name] == nil && !isHop(name) && !strings.HasPrefix(name, "x-envoy-") {
			errs = append(errs, fmt.Sprintf("header %s: absent, the proxy sends %q", name, got.Headers.Values(name)))
		}
	}
	return errs
}

// isHop tells of headers that every proxy writes, or that are for one hop.
func isHop(name string) bool {
	return slices.Contains([]string{"x-request-id", "x-forwarded-proto", "x-forwarded-for", "traceparent", "tracestate", "content-length",
		"connection", "upgrade", "transfer-encoding", "te", "user-agent", "accept-encoding", "x-forwarded-host", "x-forwarded-client-cert",
		"x-krater-peer"}, name) // the last from sidecar to sidecar
}
