package draw

import (
	networking "istio.io/api/networking/v1alpha3"
)

var (
	virtualService  = (&networking.VirtualService{}).ProtoReflect().Descriptor()
	destinationRule = (&networking.DestinationRule{}).ProtoReflect().Descriptor()
)

// mend makes what was drawn field by field go together.
func (d *drawing) mend(message string, m map[string]any) {
	switch message {
	case "VirtualService":
		mendVirtualService(d, m)
	case "HTTPRoute":
		mendRoute(d, m)
	case "TLSRoute", "TCPRoute":
		mendWeights(m)
	case "Destination":
		mendDestination(d, m)
	case "HTTPMatchRequest":
		mendMatch(m)
	case "HTTPRedirect":
		mendRedirect(d, m)
	case "HTTPRewrite":
		mendRewrite(d, m)
	case "HTTPFaultInjection":
		mendFault(m)
	case "Percent":
		m["value"] = []any{0, 0.5, 50, 100}[d.IntN(4)]
	case "CorsPolicy":
		only(d, m, "allowOrigin", "allowOrigins")
	case "PortSelector":
		m["number"] = d.anyPort()
	default:
		d.mendPolicy(message, m)
	}
}

// only keeps one of the fields.
func only(d *drawing, m map[string]any, names ...string) {
	var given []string
	for _, n := range names {
		if m[n] != nil {
			given = append(given, n)
		}
	}
	if len(given) < 2 {
		return
	}
	keep := d.of(given...)
	for _, n := range given {
		if n != keep {
			delete(m, n)
		}
	}
}

func mendVirtualService(d *drawing, m map[string]any) {
	if m["http"] == nil && m["tls"] == nil && m["tcp"] == nil {
		m["http"] = []any{d.message(virtualService.Fields().ByName("http").Message())}
	}
}

func mendRoute(d *drawing, m map[string]any) {
	only(d, m, "route", "redirect", "directResponse")
	if m["redirect"] != nil || m["directResponse"] != nil {
		delete(m, "fault")
		delete(m, "rewrite")
	} else if m["route"] == nil {
		m["route"] = []any{map[string]any{"destination": d.destination()}}
	}
	only(d, m, "mirror", "mirrors")
	if m["mirror"] != nil && d.chance(60) {
		m["mirrorPercentage"] = map[string]any{"value": 25}
	} else if m["mirror"] != nil && d.chance(10) {
		m["mirrorPercent"] = 50
	}
	mendWeights(m)
}

// mendWeights keeps all of them from being zero.
func mendWeights(m map[string]any) {
	routes, _ := m["route"].([]any)
	for _, r := range routes {
		if w, _ := r.(map[string]any)["weight"].(int); w > 0 {
			return
		}
	}
	if len(routes) > 1 {
		routes[0].(map[string]any)["weight"] = 1
	}
}

func (d *drawing) destination() map[string]any {
	m := map[string]any{}
	mendDestination(d, m)
	return m
}

func mendDestination(d *drawing, m map[string]any) {
	s := d.service()
	m["host"] = s.Host
	if len(s.Ports) > 1 || d.chance(30) {
		m["port"] = map[string]any{"number": int(s.Ports[d.IntN(len(s.Ports))])}
	}
}

func mendMatch(m map[string]any) {
	if uri, _ := m["uri"].(map[string]any); uri["regex"] != nil {
		delete(m, "ignoreUriCase")
	}
}

func mendRedirect(d *drawing, m map[string]any) {
	only(d, m, "uri", "prefixRewrite")
	if len(m) == 0 || len(m) == 1 && m["redirectCode"] != nil {
		m["uri"] = "/elsewhere"
	}
}

func mendRewrite(d *drawing, m map[string]any) {
	only(d, m, "uri", "uriRegexRewrite")
	if len(m) == 0 {
		m["uri"] = "/rewritten"
	}
}

func mendFault(m map[string]any) {
	if delay, ok := m["delay"].(map[string]any); ok {
		delay["fixedDelay"] = "1ms"
	}
	abort, ok := m["abort"].(map[string]any)
	if ok && abort["httpStatus"] == nil && abort["grpcStatus"] == nil {
		abort["httpStatus"] = 503
	}
	if len(m) == 0 {
		m["abort"] = map[string]any{"httpStatus": 418, "percentage": map[string]any{"value": 100}}
	}
}
