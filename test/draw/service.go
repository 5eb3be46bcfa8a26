package draw

import (
	"fmt"

	networking "istio.io/api/networking/v1alpha3"
)

var pool = (&networking.ConnectionPoolSettings{}).ProtoReflect().Descriptor()

// ServiceEntry draws one of any resolution.
func (d Drawer) ServiceEntry(w World, name string) map[string]any {
	spec := map[string]any{"resolution": d.of("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS")}
	hosts := []any{name + ".example.com"}
	tcp := d.chance(30)
	switch spec["resolution"] {
	case "DYNAMIC_DNS":
		hosts, tcp = []any{"*." + name + ".example.com"}, false
	case "NONE":
		if d.chance(40) {
			hosts = []any{"*." + name + ".example.com"}
		}
		if d.chance(30) {
			spec["addresses"] = []any{"10.9.0.0/16"}
		}
	case "STATIC":
		if d.chance(30) {
			spec["workloadSelector"] = map[string]any{"labels": map[string]any{"app": "machine"}}
		} else {
			spec["endpoints"] = []any{d.endpoint("127.80.0.71"), d.endpoint("127.80.0.72")}[:1+d.IntN(2)]
		}
	default:
		if d.chance(50) {
			spec["endpoints"] = []any{d.endpoint("localhost")}
		}
	}
	spec["hosts"] = hosts
	if len(hosts) == 1 && !tcp && d.chance(30) {
		spec["hosts"] = append(hosts, hosts[0].(string)[:1]+"2"+hosts[0].(string)[1:])
		if spec["resolution"] == "DYNAMIC_DNS" || hosts[0].(string)[0] == '*' {
			spec["hosts"] = hosts
		}
	}
	ports := []any{map[string]any{"number": 80, "name": "http", "protocol": d.of("HTTP", "HTTP2", "GRPC")},
		map[string]any{"number": 443, "name": "tls", "protocol": d.of("TLS", "HTTPS")}}
	if tcp {
		ports = []any{map[string]any{"number": 7000 + d.IntN(9), "name": "http", "protocol": d.of("TCP", "MONGO")}}
	}
	spec["ports"] = ports[:1+d.IntN(len(ports))]
	if d.chance(20) {
		spec["ports"].([]any)[0].(map[string]any)["targetPort"] = 8080
	}
	if d.chance(60) {
		spec["location"] = d.of("MESH_EXTERNAL", "MESH_INTERNAL")
	}
	if d.chance(15) {
		spec["subjectAltNames"] = d.some(2, "a.example.com", "spiffe://a/b")
	}
	if d.chance(15) {
		spec["exportTo"] = []any{d.of(".", "*", "~", "ops")}
	}
	return w.object("ServiceEntry", name, spec)
}

func (d Drawer) endpoint(address string) map[string]any {
	e := map[string]any{"address": address, "labels": map[string]any{"version": d.of("v1", "v2")}}
	if d.chance(30) {
		e["ports"] = map[string]any{"http": 9080}
	}
	if d.chance(40) {
		e["locality"] = d.of("region1/zone1/a", "region1/zone2", "region2")
	}
	if d.chance(30) {
		e["weight"] = d.IntN(100)
	}
	if d.chance(20) {
		e["network"] = "n1"
	}
	return e
}

// WorkloadEntry draws one that ServiceEntries may select.
func (d Drawer) WorkloadEntry(w World, name string) map[string]any {
	e := d.endpoint(fmt.Sprintf("127.80.0.%d", 81+d.IntN(5)))
	e["labels"].(map[string]any)["app"] = "machine"
	if d.chance(30) {
		e["serviceAccount"] = "machine"
	}
	return w.object("WorkloadEntry", name, e)
}
