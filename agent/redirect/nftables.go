package redirect

import (
	"fmt"
	"strings"
)

// table is ours alone: removing it removes all that we made.
const table = "krater_redirect"

// NFTables is a script for `nft -f`, which puts the rules in force in one
// step, in place of those that an earlier one made.
func (c Config) NFTables() string {
	var b strings.Builder
	b.WriteString(undoNFTables())
	fmt.Fprintf(&b, "table inet %s {\n", table)
	writeChain(&b, inbound, "", c.rules(inbound))
	b.WriteString("\n")
	writeChain(&b, "prerouting", "type nat hook prerouting priority -100; policy accept;", nil, "meta l4proto tcp jump "+inbound)
	b.WriteString("\n")
	writeChain(&b, output, "type nat hook output priority -100; policy accept;", c.rules(output))
	b.WriteString("}\n")
	return b.String()
}

// undoNFTables removes the table; adding it first makes that no error where
// there is none.
func undoNFTables() string {
	return fmt.Sprintf("add table inet %[1]s\ndelete table inet %[1]s\n", table)
}

func writeChain(b *strings.Builder, name, hook string, rules []rule, more ...string) {
	fmt.Fprintf(b, "\tchain %s {\n", name)
	if hook != "" {
		fmt.Fprintf(b, "\t\t%s\n", hook)
	}
	why := ""
	for _, r := range rules {
		if r.why != why {
			why = r.why
			fmt.Fprintf(b, "\t\t# %s\n", why)
		}
		for _, line := range r.nft() {
			fmt.Fprintf(b, "\t\t%s\n", line)
		}
	}
	for _, line := range more {
		fmt.Fprintf(b, "\t\t%s\n", line)
	}
	b.WriteString("\t}\n")
}

func (r rule) nft() []string {
	if !r.addressed() {
		return []string{r.nftLine("ip")}
	}
	var out []string
	for _, f := range []struct {
		v6   bool
		name string
	}{{false, "ip"}, {true, "ip6"}} {
		if r, ok := r.inFamily(f.v6); ok {
			out = append(out, r.nftLine(f.name))
		}
	}
	return out
}

func (r rule) nftLine(family string) string {
	var words []string
	add := func(what string, list []string) {
		if len(list) > 0 {
			words = append(words, what+" { "+strings.Join(list, ", ")+" }")
		}
	}
	add("iifname", quoted(r.in))
	add("oifname", quoted(r.out))
	add("meta skuid", texts(r.uids))
	add("meta skgid", texts(r.gids))
	add(family+" saddr", texts(r.from))
	add(family+" daddr", texts(r.to))
	if r.notTo.IsValid() {
		words = append(words, family+" daddr != "+r.notTo.String())
	}
	switch {
	case len(r.ports) > 0:
		add(r.protocol+" dport", texts(r.ports))
	case r.protocol != "":
		words = append(words, "meta l4proto "+r.protocol)
	}
	switch {
	case r.then.port != 0:
		words = append(words, fmt.Sprintf("redirect to :%d", r.then.port))
	case r.then.to != "":
		words = append(words, "goto "+r.then.to)
	default:
		words = append(words, "return")
	}
	return strings.Join(words, " ")
}

func texts[T any](list []T) []string {
	var out []string
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func quoted(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return out
}
