package proxyconfig

import "strings"

// filters are those of each listener in their order, with what its slots hold.
func filters(d Dump) Table {
	t := Table{Columns: []string{"LISTENER", "CHAIN", "FILTER", "CONFIGURED BY", "HOLDS"}}
	slots := map[string]object{}
	for _, s := range d.all("EcdsConfigDump", "ecds_filter", "ecds_filters") {
		slots[s.text("name")] = s
	}
	for _, l := range allListeners(d) {
		for _, c := range chains(l) {
			for _, f := range c.list("filters") {
				list := []object{f}
				if http := f.list("typed_config", "http_filters"); len(http) > 0 {
					list = http
				}
				for _, one := range list {
					by, holds, resource := "listener", short(one.text("typed_config", "@type")), one
					if one.has("config_discovery") {
						by, holds = "slot", "(not received)"
						if slot := slots[one.text("name")]; slot != nil {
							holds, resource = held(slot.get("typed_config")), slot
						}
					}
					facts := listenerFacts(l)
					facts.name = one.text("name")
					t.Rows = append(t.Rows, Row{[]string{l.text("name"), dash(c.text("name")), strings.TrimPrefix(one.text("name"), l.text("name")+"/"), by, holds}, resource, facts})
				}
			}
		}
	}
	return t
}

// held says what a slot has: the filters of its chain, or the one it is.
func held(typed object) string {
	if short(typed.text("@type")) != "FilterChainConfig" {
		return short(typed.text("@type"))
	}
	var names []string
	for _, f := range typed.list("default_filter_chain", "filters") {
		names = append(names, f.text("name"))
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
