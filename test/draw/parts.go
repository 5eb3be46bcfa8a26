package draw

import "strings"

func anyOf(texts []string) []any {
	var out []any
	for _, t := range texts {
		out = append(out, t)
	}
	return out
}

func exportTo(d *drawing) any {
	if d.chance(50) {
		return []any{"*"}
	}
	return []any{".", "ops"}
}

// stringMatch draws a condition on a text; optional: an empty prefix is one.
func stringMatch(plain, regexes []string, emptyPrefix bool) func(*drawing) any {
	return func(d *drawing) any {
		switch d.IntN(3) {
		case 0:
			return map[string]any{"exact": d.of(plain...)}
		case 1:
			if emptyPrefix && d.chance(5) {
				return map[string]any{"prefix": ""}
			}
			return map[string]any{"prefix": d.of(plain...)}
		}
		return map[string]any{"regex": d.of(regexes...)}
	}
}

// namedMatches draws conditions by name; an empty one is presence.
func namedMatches(names ...string) func(*drawing) any {
	match := stringMatch([]string{"a", "A", "1", "é", "a,b"}, []string{"a|b", ".*", "\\d+"}, false)
	return func(d *drawing) any {
		out := map[string]any{}
		for _, n := range d.some(2, names...) {
			out[n.(string)] = match(d)
			if d.chance(20) {
				out[n.(string)] = map[string]any{}
			}
		}
		return out
	}
}

func headerMatches(d *drawing) any {
	names := []string{"x-a", "X-B", "cookie", "user-agent", ":path"}
	if d.gateway {
		names = append(names, "@request.auth.claims.sub", "@request.auth.claims[a.b][c]")
	}
	return namedMatches(names...)(d)
}

func headerValues(names ...string) func(*drawing) any {
	return func(d *drawing) any {
		out := map[string]any{}
		for _, n := range d.some(2, names...) {
			out[n.(string)] = d.of("a", "", "100%%", "%REQ(x-b)%", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "é", "a, b", "%START_TIME(%Y)%")
		}
		return out
	}
}

func origins(d *drawing) any {
	match := stringMatch([]string{"https://a.example.com", "*", "http://b"}, []string{"https://.*", "https?://[a-z]+"}, false)
	return []any{match(d), match(d)}[:1+d.IntN(2)]
}

func callers(d *drawing) any {
	c := d.world.Callers[d.IntN(len(d.world.Callers))]
	out := map[string]any{}
	for k, v := range c {
		out[k] = v
	}
	return out
}

func gatewayNames(d *drawing) any {
	return d.some(2, "mesh", "gateway0", d.world.Namespace+"/gateway1")
}

func subnets(*drawing) any { return []any{"127.80.0.0/16", "10.1.2.3"} }

func (d *drawing) service() Service { return d.world.Services[d.IntN(len(d.world.Services))] }

func (d *drawing) anyPort() any {
	if d.chance(50) && len(d.world.Ports) > 0 {
		return int(d.world.Ports[d.IntN(len(d.world.Ports))])
	}
	s := d.service()
	return int(s.Ports[d.IntN(len(s.Ports))])
}

// VirtualServices draws one, and the delegates that it names.
func (d Drawer) VirtualServices(w World, name string) []any {
	g := &drawing{Drawer: d, world: w, gateway: d.chance(40)}
	switch {
	case g.gateway && d.chance(30):
		g.hosts = []string{"*"}
	case g.gateway || d.chance(20):
		g.hosts = []string{"shop.example.com", "*.shop.example.net"}[:1+d.IntN(2)]
	default:
		g.hosts = []string{g.service().Host}
	}
	spec := g.message(virtualService)
	if g.gateway {
		spec["gateways"] = g.some(2, "gateway0", w.Namespace+"/gateway1")
		if g.hosts[0] != "*" && d.chance(30) {
			spec["gateways"] = append(spec["gateways"].([]any), "mesh")
		}
	}
	out := []any{w.object("VirtualService", name, spec)}
	if routes, ok := spec["http"].([]any); ok && d.chance(20) {
		delegate := name + "-delegate"
		root := map[string]any{"name": "delegates", "delegate": map[string]any{"name": delegate}}
		if d.chance(60) {
			root["match"] = []any{map[string]any{"uri": map[string]any{"prefix": "/"}}}
		}
		spec["http"] = append([]any{root}, routes...)
		inner := g.message(virtualService)
		for _, f := range []string{"hosts", "gateways", "tls", "tcp"} {
			delete(inner, f)
		}
		if inner["http"] == nil {
			inner["http"] = []any{g.message(virtualService.Fields().ByName("http").Message())}
		}
		out = append(out, w.object("VirtualService", strings.ToLower(delegate), inner))
	}
	return out
}
