package proxyconfig

import "strings"

// filters are those of each listener in their order, with what its slots hold.
func filters(d Dump) Table {
	t := Table{Columns: []string{"LISTENER", "CHAIN", "FILTER", "CONFIGURED BY", "HOLDS"}}
	slots := slots(d)
	for _, l := range allListeners(d) {
		for _, c := range chains(l) {
			for _, f := range c.list("filters") {
				list := configOf(f, slots).list("http_filters")
				if len(list) == 0 {
					list = []object{f}
				}
				for _, one := range list {
					t.Rows = append(t.Rows, filterRow(l, c, one, slots))
				}
			}
		}
	}
	return t
}

func filterRow(l, c, f object, slots map[string]object) Row {
	by, holds, resource := "listener", short(f.text("typed_config", "@type")), f
	if f.has("config_discovery") {
		by, holds = "slot", "(not received)"
		if slot := slots[f.text("name")]; slot != nil {
			holds, resource = held(slot.get("typed_config")), slot
		}
	}
	facts := listenerFacts(l)
	facts.name = f.text("name")
	return Row{[]string{l.text("name"), dash(c.text("name")), strings.TrimPrefix(f.text("name"), l.text("name")+"/"), by, holds}, resource, facts}
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
