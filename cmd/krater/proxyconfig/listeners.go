package proxyconfig

import (
	"fmt"
	"strings"
)

// listeners are the ports, with what each kind of connection meets.
func listeners(d Dump) Table {
	t := Table{Columns: []string{"LISTENER", "ADDRESS", "PORT", "MATCH", "DESTINATION"}}
	slots := slots(d)
	for _, l := range allListeners(d) {
		at, port := address(l.get("address"))
		f := listenerFacts(l)
		for _, c := range chains(l) {
			t.Rows = append(t.Rows, Row{[]string{l.text("name"), dash(at), dash(port), chainMatch(c), chainDestination(c, slots)}, l, f})
		}
	}
	return t.sorted()
}

func allListeners(d Dump) []object {
	return d.all("ListenersConfigDump", "listener", "static_listeners", "dynamic_listeners")
}

// chains are a listener's filter chains, the one for all else last.
func chains(l object) []object {
	out := l.list("filter_chains")
	if rest := l.get("default_filter_chain"); rest != nil {
		out = append(out, rest)
	}
	return out
}

// listenerFacts reads a listener's name: "inbound|ADDRESS|PORT", "outbound",
// "outbound|PORT|HOST", "gateway|PORT".
func listenerFacts(l object) facts {
	f := facts{name: l.text("name")}
	parts := strings.Split(f.name, "|")
	f.direction, _, _ = strings.Cut(parts[0], "-")
	if _, port := address(l.get("address")); port != "" {
		f.ports = append(f.ports, port)
	}
	switch {
	case len(parts) == 3 && parts[0] == "inbound":
		f.ports = append(f.ports, parts[2])
	case len(parts) == 3:
		f.ports, f.hosts = append(f.ports, parts[1]), []string{parts[2]}
	case len(parts) == 2:
		f.ports = append(f.ports, parts[1])
	}
	return f
}

// chainMatch says which connections a chain takes.
func chainMatch(c object) string {
	m := c.get("filter_chain_match")
	var parts []string
	add := func(what string, values []string) {
		if len(values) > 0 {
			parts = append(parts, what+" "+strings.Join(values, ","))
		}
	}
	add("SNI", m.texts("server_names"))
	add("ALPN", m.texts("application_protocols"))
	if transport := m.text("transport_protocol"); transport != "" {
		add("transport", []string{transport})
	}
	if port := m.text("destination_port"); port != "" {
		add("port", []string{port})
	}
	for _, ranges := range []string{"prefix_ranges", "source_prefix_ranges"} {
		for _, r := range m.list(ranges) {
			add(strings.ReplaceAll(ranges, "_", " "), []string{r.text("address_prefix") + "/" + r.text("prefix_len")})
		}
	}
	if len(parts) == 0 && c.text("name") != "" {
		return "chain " + c.text("name")
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, "; ")
}

// slots are the configurations that listeners get as resources, by name.
func slots(d Dump) map[string]object {
	out := map[string]object{}
	for _, s := range d.all("EcdsConfigDump", "ecds_filter", "ecds_filters") {
		out[s.text("name")] = s
	}
	return out
}

// configOf is a filter's configuration, its own or its slot's.
func configOf(filter object, slots map[string]object) object {
	if filter.has("config_discovery") {
		return slots[filter.text("name")].get("typed_config")
	}
	return filter.get("typed_config")
}

// chainDestination says what a chain's last filter does.
func chainDestination(c object, slots map[string]object) string {
	var out string
	for _, f := range c.list("filters") {
		typed := configOf(f, slots)
		switch short(typed.text("@type")) {
		case "HttpConnectionManager":
			out = "routes " + typed.text("rds", "route_config_name")
			if inline := typed.get("route_config"); inline != nil {
				out = "routes " + inline.text("name") + " (its own)"
			}
		case "TcpProxy":
			out = "cluster " + typed.text("cluster")
			if shares := typed.list("weighted_clusters", "clusters"); len(shares) > 0 {
				out = weighted(shares)
			}
		}
	}
	if c.get("transport_socket") != nil {
		out = "TLS, " + out
	}
	return dash(out)
}

// weighted writes the shares of clusters.
func weighted(shares []object) string {
	var parts []string
	for _, s := range shares {
		parts = append(parts, fmt.Sprintf("%s %s", s.text("weight"), s.text("name")))
	}
	return "clusters " + strings.Join(parts, ", ")
}
