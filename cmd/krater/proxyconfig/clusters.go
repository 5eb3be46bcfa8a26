package proxyconfig

import "strings"

// clusters are where requests can go to.
func clusters(d Dump) Table {
	t := Table{Columns: []string{"FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "BALANCER", "TLS"}}
	for _, c := range d.all("ClustersConfigDump", "cluster", "static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters") {
		f := clusterFacts(c.text("name"))
		host := c.text("name")
		if len(f.hosts) > 0 {
			host = f.hosts[0]
		}
		kind := c.text("type")
		if special := c.text("cluster_type", "name"); special != "" {
			kind = special
		}
		if kind == "" {
			kind = "STATIC"
		}
		balancer := c.text("lb_policy")
		if policies := c.list("load_balancing_policy", "policies"); len(policies) > 0 {
			balancer = short(policies[0].text("typed_extension_config", "name"))
		}
		if balancer == "" {
			balancer = "ROUND_ROBIN"
		}
		t.Rows = append(t.Rows, Row{[]string{host, dash(strings.Join(f.ports, ",")), dash(f.subset), dash(f.direction), kind, balancer, clusterTLS(c)}, c, f})
	}
	return t.sorted()
}

// clusterTLS says how connections are encrypted.
func clusterTLS(c object) string {
	typed := c.get("transport_socket", "typed_config")
	switch kind := short(typed.text("@type")); {
	case kind == "UpstreamTlsContext":
		return dash("sni " + typed.text("sni"))
	case len(c.list("transport_socket_matches")) > 0:
		return "by endpoint"
	case kind == "":
		return "-"
	default:
		return kind
	}
}

// clusterFacts reads a cluster's name, "outbound|PORT|SUBSET|HOST", with
// "|connections" where it is the one for connections.
func clusterFacts(name string) facts {
	f := facts{name: name}
	parts := strings.Split(strings.TrimSuffix(name, "|connections"), "|")
	if len(parts) != 4 {
		return f
	}
	f.direction, f.ports, f.subset = parts[0], []string{parts[1]}, parts[2]
	if parts[3] != "" {
		f.hosts = []string{parts[3]}
	}
	return f
}

// endpoints are the addresses behind clusters.
func endpoints(d Dump) Table {
	t := Table{Columns: []string{"ENDPOINT", "HEALTH", "WEIGHT", "PRIORITY", "LOCALITY", "WORKLOAD", "CLUSTER"}}
	for _, e := range d.all("EndpointsConfigDump", "endpoint_config", "static_endpoint_configs", "dynamic_endpoint_configs") {
		for _, group := range e.list("endpoints") {
			locality := strings.Trim(strings.Join([]string{group.text("locality", "region"), group.text("locality", "zone"), group.text("locality", "sub_zone")}, "/"), "/")
			priority := group.text("priority")
			if priority == "" {
				priority = "0"
			}
			for _, one := range group.list("lb_endpoints") {
				at, port := address(one.get("endpoint", "address"))
				if port != "" {
					at += ":" + port
				}
				who := one.get("metadata", "filter_metadata", "krater")
				workload := strings.Trim(who.text("namespace")+"/"+who.text("workload"), "/")
				t.Rows = append(t.Rows, Row{[]string{at, dash(one.text("health_status")), dash(one.text("load_balancing_weight")), priority,
					dash(locality), dash(workload), e.text("cluster_name")}, e, clusterFacts(e.text("cluster_name"))})
			}
		}
	}
	return t.sorted()
}
