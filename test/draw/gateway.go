package draw

import "fmt"

// Gateway draws one on some of the gateway's ports. Which protocol a port
// speaks is its number's, so that two Gateways go together.
func (d Drawer) Gateway(w World, name string) map[string]any {
	var servers []any
	for i, p := range d.Perm(len(w.Ports))[:1+d.IntN(len(w.Ports))] {
		servers = append(servers, d.server(w, int(w.Ports[p]), fmt.Sprintf("p%d-%d", i, w.Ports[p])))
	}
	selector := map[string]any{}
	for k, v := range w.Gateway {
		selector[k] = v
	}
	return w.object("Gateway", name, map[string]any{"selector": selector, "servers": servers})
}

func (d Drawer) server(w World, port int, name string) map[string]any {
	s := map[string]any{"hosts": d.some(2, "*", "shop.example.com", "./*.shop.example.net", "*/api.example.com", w.Namespace+"/b.example.com")}
	protocol := "HTTP"
	switch port % 4 {
	case 3: // 443, 15443
		protocol = d.of("HTTPS", "TLS")
		s["tls"] = d.serverTLS(w)
		if tls := s["tls"].(map[string]any); protocol == "HTTPS" && tls["mode"] == "PASSTHROUGH" {
			protocol = "TLS"
		}
	case 0: // 80, 31400
		protocol = d.of("HTTP", "HTTP2", "GRPC")
		if d.chance(20) {
			s["tls"] = map[string]any{"httpsRedirect": true}
		}
	default: // 8090
		protocol = d.of("TCP", "MONGO")
	}
	s["port"] = map[string]any{"number": port, "name": name, "protocol": protocol}
	if d.chance(10) {
		s["name"] = name
	}
	return s
}

func (d Drawer) serverTLS(w World) map[string]any {
	if len(w.Secrets) == 0 && w.Certificate == "" || d.chance(25) {
		return map[string]any{"mode": "PASSTHROUGH"}
	}
	t := map[string]any{"mode": d.of("SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL")}
	if len(w.Secrets) > 0 && (w.Certificate == "" || d.chance(60)) {
		t["credentialName"] = d.of(w.Secrets...)
	} else {
		t["serverCertificate"], t["privateKey"] = w.Certificate, w.Key
		if t["mode"] != "SIMPLE" {
			t["caCertificates"] = w.CA
		}
	}
	if d.chance(30) {
		t["minProtocolVersion"] = d.of("TLSV1_2", "TLSV1_3", "TLS_AUTO")
	}
	if d.chance(20) {
		t["cipherSuites"] = d.some(2, "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-SHA")
	}
	if d.chance(20) && t["mode"] != "SIMPLE" {
		t["subjectAltNames"] = d.some(2, "a.example.com", "spiffe://a/b")
	}
	return t
}

// Sidecar draws one for the callers.
func (d Drawer) Sidecar(w World, name string) map[string]any {
	spec := map[string]any{}
	if d.chance(80) {
		egress := map[string]any{"hosts": d.some(3, "./*", "*/*", "ops/*", "*/db.default.svc.cluster.local", "~/*")}
		spec["egress"] = []any{egress}
	}
	if d.chance(40) || len(spec) == 0 {
		spec["outboundTrafficPolicy"] = map[string]any{"mode": d.of("ALLOW_ANY", "REGISTRY_ONLY")}
	}
	if d.chance(30) {
		g := &drawing{Drawer: d, world: w}
		spec["inboundConnectionPool"] = g.message(pool)
	}
	if d.chance(50) {
		g := &drawing{Drawer: d, world: w}
		spec["workloadSelector"] = map[string]any{"labels": callers(g)}
	}
	return w.object("Sidecar", name, spec)
}
