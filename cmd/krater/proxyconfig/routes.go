package proxyconfig

import (
	"fmt"
	"net"
	"sort"
	"strings"
)

// routes are what requests match, in the order in which they are tried.
func routes(d Dump) Table {
	t := Table{Columns: []string{"ROUTES", "VIRTUAL HOST", "DOMAINS", "MATCH", "ACTION", "ROUTE"}}
	tables := d.all("RoutesConfigDump", "route_config", "static_route_configs", "dynamic_route_configs")
	sort.SliceStable(tables, func(i, j int) bool { return tables[i].text("name") < tables[j].text("name") })
	for _, table := range tables {
		hosts := table.list("virtual_hosts")
		sort.SliceStable(hosts, func(i, j int) bool { return hosts[i].text("name") < hosts[j].text("name") })
		for _, h := range hosts {
			f := hostFacts(table.text("name"), h)
			domains := h.texts("domains")
			shown := strings.Join(domains[:min(2, len(domains))], ", ")
			if len(domains) > 2 {
				shown += fmt.Sprintf(", +%d more", len(domains)-2)
			}
			for _, r := range h.list("routes") {
				t.Rows = append(t.Rows, Row{[]string{table.text("name"), strings.TrimPrefix(h.text("name"), table.text("name")+"/"), shown, routeMatch(r.get("match")), routeAction(r), dash(r.text("name"))}, h, f})
			}
		}
	}
	return t
}

// hostFacts reads a virtual host: its name is "ROUTES/HOST:PORT".
func hostFacts(table string, h object) facts {
	f := facts{name: table, hosts: h.texts("domains")}
	for _, domain := range h.texts("domains") {
		if host, _, err := net.SplitHostPort(domain); err == nil {
			f.hosts = append(f.hosts, host)
		}
	}
	f.direction, _, _ = strings.Cut(table, "|")
	name := strings.TrimPrefix(h.text("name"), table+"/")
	if i := strings.LastIndex(name, ":"); i >= 0 {
		f.hosts, f.ports = append(f.hosts, name[:i]), []string{name[i+1:]}
	}
	if parts := strings.Split(table, "|"); len(parts) > 1 {
		f.ports = append(f.ports, parts[1])
	}
	return f
}

// routeMatch writes a RouteMatch on one line.
func routeMatch(m object) string {
	var parts []string
	for _, kind := range []string{"path", "prefix", "path_separated_prefix"} {
		if v := m.text(kind); v != "" {
			parts = append(parts, kind+" "+v)
		}
	}
	if re := m.text("safe_regex", "regex"); re != "" {
		parts = append(parts, "regex "+re)
	}
	if m.has("connect_matcher") {
		parts = append(parts, "CONNECT")
	}
	if m.text("case_sensitive") == "false" {
		parts = append(parts, "any case")
	}
	for _, h := range m.list("headers") {
		parts = append(parts, condition(h))
	}
	for _, q := range m.list("query_parameters") {
		parts = append(parts, "?"+condition(q))
	}
	if n := len(m.list("dynamic_metadata")); n > 0 {
		parts = append(parts, fmt.Sprintf("%d claims", n))
	}
	return dash(strings.Join(parts, ", "))
}

// condition writes a matcher of a header or parameter.
func condition(h object) string {
	not := ""
	if h.text("invert_match") == "true" {
		not = "not "
	}
	s := h.get("string_match")
	for _, kind := range []string{"exact", "prefix", "suffix", "contains"} {
		if v, ok := s[kind].(string); ok {
			return not + h.text("name") + " " + kind + " " + v
		}
	}
	if re := s.text("safe_regex", "regex"); re != "" {
		return not + h.text("name") + " regex " + re
	}
	return not + h.text("name") + " present"
}

// routeAction says what a route does.
func routeAction(r object) string {
	to := r.get("route")
	switch {
	case r.has("redirect"):
		redirect := r.get("redirect")
		for _, part := range []string{"path_redirect", "prefix_rewrite", "host_redirect", "scheme_redirect", "port_redirect"} {
			if v := redirect.text(part); v != "" {
				return "redirect, " + strings.ReplaceAll(part, "_", " ") + " " + v
			}
		}
		return "redirect"
	case r.has("direct_response"):
		return "answers " + r.text("direct_response", "status")
	case to.text("cluster") != "":
		return "cluster " + to.text("cluster")
	case to.text("cluster_header") != "":
		return "cluster of header " + to.text("cluster_header")
	case len(to.list("weighted_clusters", "clusters")) > 0:
		return weighted(to.list("weighted_clusters", "clusters"))
	}
	return "-"
}
