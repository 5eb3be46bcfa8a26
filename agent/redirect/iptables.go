package redirect

import (
	"fmt"
	"slices"
	"strings"
)

// The chains are ours alone; the built-in ones get one jump each.
const (
	chainOutput  = "KRATER_OUTPUT"
	chainInbound = "KRATER_INBOUND"
)

var jumps = []string{"OUTPUT -j " + chainOutput, "PREROUTING -p tcp -j " + chainInbound}

// IPTables is a text for `iptables-restore --noflush` (v6: ip6tables-restore),
// which puts a family's rules in force in one step. saved is what
// `iptables-save -t nat` says: the rules that an earlier one made go away.
func (c Config) IPTables(v6 bool, saved string) string {
	lines := removal(saved)
	lines = append(lines, ":"+chainOutput+" - [0:0]", ":"+chainInbound+" - [0:0]")
	for _, chain := range []struct{ name, ours string }{{inbound, chainInbound}, {output, chainOutput}} {
		for _, r := range c.rules(chain.name) {
			if r, ok := r.inFamily(v6); ok {
				for _, words := range r.iptables() {
					lines = append(lines, "-A "+chain.ours+" "+words)
				}
			}
		}
	}
	for _, j := range jumps {
		chain, rest, _ := strings.Cut(j, " ")
		lines = append(lines, "-I "+chain+" 1 "+rest)
	}
	return nat(lines)
}

// undoIPTables takes away what is saved and ours; empty: there is nothing.
func undoIPTables(saved string) string {
	lines := removal(saved)
	if len(lines) == 0 {
		return ""
	}
	for _, chain := range []string{chainOutput, chainInbound} {
		if strings.Contains(saved, ":"+chain+" ") {
			lines = append(lines, "-X "+chain)
		}
	}
	return nat(lines)
}

// removal are the lines that empty our chains, and delete all jumps to them.
func removal(saved string) []string {
	var out, flush []string
	for _, line := range strings.Split(saved, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if name, isChain := strings.CutPrefix(words[0], ":"); isChain && ours(name) {
			flush = append(flush, "-F "+name)
		}
		jump := slices.IndexFunc(words, ours)
		if words[0] == "-A" && jump > 1 && !ours(words[1]) {
			out = append(out, "-D "+strings.Join(words[1:], " "))
		}
	}
	return append(out, flush...)
}

func ours(name string) bool { return name == chainOutput || name == chainInbound }

func nat(lines []string) string { return "*nat\n" + strings.Join(lines, "\n") + "\nCOMMIT\n" }

// iptables are the rule's lines: it has no lists, so each choice is a line.
func (r rule) iptables() []string {
	lines := []string{""}
	each := func(flag string, list []string) {
		if len(list) == 0 {
			return
		}
		var next []string
		for _, line := range lines {
			for _, v := range list {
				next = append(next, line+flag+v+" ")
			}
		}
		lines = next
	}
	each("-i ", r.in)
	each("-o ", r.out)
	if r.protocol != "" {
		each("-p ", []string{r.protocol})
	}
	each("-s ", texts(r.from))
	each("-d ", texts(r.to))
	if r.notTo.IsValid() {
		each("! -d ", []string{r.notTo.String()})
	}
	each("--dport ", texts(r.ports))
	each("-m owner --uid-owner ", texts(r.uids))
	each("-m owner --gid-owner ", texts(r.gids))
	for i := range lines {
		lines[i] += r.then.iptables()
	}
	return lines
}

func (v verdict) iptables() string {
	switch {
	case v.port != 0:
		return fmt.Sprintf("-j REDIRECT --to-ports %d", v.port)
	case v.to == inbound:
		return "-g " + chainInbound
	}
	return "-j RETURN"
}
