package envoy_test

import "fmt"

// doingTables draws VirtualServices whose routes do something.
func (d drawer) doingTables() []any {
	var out []any
	for i := range 1 + d.IntN(2) {
		var routes []any
		for range 1 + d.IntN(4) {
			route := d.does()
			if d.chance(80) {
				route["match"] = []any{d.someMatch()}
			}
			routes = append(routes, route)
		}
		out = append(out, map[string]any{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
			"metadata": map[string]any{"name": fmt.Sprintf("v%d", i)}, "spec": map[string]any{"hosts": []any{reviewsHost}, "http": routes}})
	}
	return out
}

// someMatch is one that many requests pass.
func (d drawer) someMatch() map[string]any {
	m := map[string]any{"uri": map[string]any{d.of("prefix", "prefix", "prefix", "exact"): d.of("/", "/a", "/a/", "/A", "/b", "/~a")}}
	if d.chance(20) {
		m["uri"] = map[string]any{"regex": d.of("/a.*", ".*", "/[ab]/?.*")}
	}
	if d.chance(20) {
		m["ignoreUriCase"] = true
	}
	if d.chance(20) {
		m["name"] = d.of("one", "two")
	}
	return m
}

// does draws what a route does.
func (d drawer) does() map[string]any {
	r := map[string]any{}
	switch d.of("forward", "forward", "forward", "redirect", "direct") {
	case "forward":
		d.forwards(r)
	case "redirect":
		r["redirect"] = d.redirect()
	case "direct":
		r["directResponse"] = map[string]any{"status": 200 + d.IntN(300), "body": map[string]any{"string": "x"}}
	}
	if d.chance(40) {
		r["headers"] = d.headerChanges()
	}
	if d.chance(40) {
		r["corsPolicy"] = d.corsPolicy()
	}
	return r
}

func (d drawer) forwards(r map[string]any) {
	var to []any
	for range 1 + d.IntN(3) {
		one := map[string]any{"destination": map[string]any{"host": reviewsHost, "subset": d.of("v1", "v2", "v3"), "port": map[string]any{"number": 9080}}, "weight": d.IntN(3)}
		if d.chance(40) {
			one["headers"] = d.headerChanges()
		}
		to = append(to, one)
	}
	to[0].(map[string]any)["weight"] = 1
	r["route"] = to
	if d.chance(40) {
		r["rewrite"] = d.rewrite()
	}
	if d.chance(10) {
		abort := map[string]any{"percentage": map[string]any{"value": 100}}
		if d.chance(50) {
			abort["httpStatus"] = d.of2(503, 418, 200, 400)
		} else {
			abort["grpcStatus"] = d.of("UNAVAILABLE", "NOT_FOUND", "OK")
		}
		r["fault"] = map[string]any{"abort": abort}
	}
	if d.chance(20) {
		r["mirrors"] = []any{map[string]any{"destination": map[string]any{"host": reviewsHost, "subset": "v1", "port": map[string]any{"number": 9080}},
			"percentage": map[string]any{"value": d.of2(0, 100)}}}
	}
}

func (d drawer) of2(numbers ...int) int { return numbers[d.IntN(len(numbers))] }

func (d drawer) rewrite() map[string]any {
	w := map[string]any{}
	if d.chance(50) {
		w["uri"] = d.of("/", "/x", "/x/", "/x/y", "/x?z=1")
	} else if d.chance(70) {
		w["uriRegexRewrite"] = map[string]any{"match": d.of("^/a", "/a(.*)", "b", "^(/[^/]*)(.*)$", "x*", "/$"), "rewrite": d.of(`/x\0`, "/z", "/", `/q-\0-`)}
	}
	if d.chance(40) || len(w) == 0 {
		w["authority"] = d.of("inner.test", "inner.test:81")
	}
	return w
}

func (d drawer) redirect() map[string]any {
	r := map[string]any{"redirectCode": d.of2(301, 302, 303, 307, 308)}
	if d.chance(40) {
		r["uri"] = d.of("/n", "/n/", "/n?k=1", "/")
	} else if d.chance(20) {
		r["prefixRewrite"] = d.of("/p", "/p/", "/")
	}
	if d.chance(40) {
		r["authority"] = d.of("new.test", "new.test:82", "reviews")
	}
	if d.chance(40) {
		r["scheme"] = d.of("http", "https")
	}
	switch d.IntN(4) {
	case 0:
		r["port"] = d.of2(80, 443, 8080)
	case 1:
		r["derivePort"] = d.of("FROM_REQUEST_PORT", "FROM_PROTOCOL_DEFAULT")
	}
	return r
}

func (d drawer) headerChanges() map[string]any {
	h := map[string]any{}
	if d.chance(45) {
		h["set"] = map[string]any{d.of("x-a", "X-B", "x-c"): d.of("set1", "set2", "", "50%%", "%REQ(x-b)%", "<%REQ(x-z?x-c):3%>")}
	} else if d.chance(70) {
		h[d.of("set", "add")] = map[string]any{d.of("Host", ":authority"): d.of("set1", "set2", "")}
	}
	if _, taken := h["add"]; !taken && d.chance(60) {
		h["add"] = map[string]any{d.of("x-a", "x-b", "X-C"): d.of("add1", "add2", "%REQ(:METHOD)%%%")}
	}
	if d.chance(40) {
		h["remove"] = d.some(2, "x-a", "x-b", "X-C")
	}
	return map[string]any{"request": h}
}

func (d drawer) corsPolicy() map[string]any {
	c := map[string]any{}
	if d.chance(90) {
		c["allowOrigins"] = []any{map[string]any{d.of("exact", "prefix", "regex"): d.of("http://o.test", "http://o", "http://.*test", "*", ".*")}}
	}
	if d.chance(50) {
		c["allowMethods"] = d.some(2, "GET", "POST")
	}
	if d.chance(40) {
		c["allowHeaders"] = d.some(2, "x-a", "x-b")
	}
	if d.chance(40) {
		c["allowCredentials"] = d.chance(50)
	}
	if d.chance(40) {
		c["unmatchedPreflights"] = d.of("FORWARD", "IGNORE")
	}
	return c
}

// doneRequest draws a call of reviews, maybe a preflight.
func (d drawer) doneRequest() rawRequest {
	r := rawRequest{Method: d.of("GET", "GET", "POST", "OPTIONS"), Peer: "127.0.0.1", Host: d.of("reviews", "reviews:9080", "Reviews", reviewsHost+":9080")}
	r.Target = d.of("/", "/a", "/A/b", "/a/", "/a/b", "/ab", "/b", "/b/a", "/~a/x") + d.of("", "", "?x=1", "?", "?a=/a")
	preflight := d.chance(20)
	if preflight {
		r.Method = "OPTIONS"
	}
	if preflight || d.chance(40) {
		r.Headers = append(r.Headers, [2]string{"origin", d.of("http://o.test", "http://other.test", "*")})
	}
	if preflight || d.chance(20) {
		r.Headers = append(r.Headers, [2]string{"access-control-request-method", "POST"})
	}
	for range d.IntN(3) {
		r.Headers = append(r.Headers, [2]string{d.of("x-a", "x-b", "x-c"), d.of("sent1", "sent2")})
	}
	if r.Method == "POST" {
		r.Headers = append(r.Headers, [2]string{"content-length", "0"})
	}
	return r
}
