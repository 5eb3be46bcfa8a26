package redirect

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// rulesText is all that rules are made of: nothing by which one ends, and
// another begins.
var rulesText = regexp.MustCompile(`^[A-Za-z0-9_.:/ \t\n{},;!="'*#\-\[\]]*$`)

// FuzzConfig: what a user, or an annotation, asks for is refused, or becomes
// rules in which it stays a port, a range, or a name.
func FuzzConfig(f *testing.F) {
	f.Add("80,443", "10.0.0.0/8,fd00::/8", "eth0,docker0", "1337")
	f.Add("*", "*", "eth0; add rule", "0")
	f.Add("", "::ffff:10.0.0.1", "eth0\naccept", "1337,1337")
	f.Fuzz(func(t *testing.T, ports, ranges, interfaces, ids string) {
		c := Default()
		var err [5]error
		c.IncludeInboundPorts, err[0] = ParsePorts(ports)
		c.ExcludeOutboundPorts, err[1] = ParsePortList(ports)
		c.IncludeOutboundRanges, err[2] = ParseRanges(ranges)
		c.ExcludeOutboundRanges, err[3] = ParseRanges(ranges)
		c.UIDs, err[4] = ParseIDs(ids)
		c.ExcludeInterfaces = ParseInterfaces(interfaces)
		c.Resolvers = []netip.Addr{netip.MustParseAddr("10.0.0.53")}
		for _, e := range err {
			if e != nil {
				return
			}
		}
		if c.Validate() != nil {
			return
		}
		for _, text := range []string{c.NFTables(), c.IPTables(false, ""), c.IPTables(true, "")} {
			if !rulesText.MatchString(text) {
				t.Errorf("%q %q %q %q became\n%s", ports, ranges, interfaces, ids, text)
			}
		}
	})
}

// FuzzSaved: of whatever rules are in force, only ours are named in what takes
// them away.
func FuzzSaved(f *testing.F) {
	f.Add("*nat\n:PREROUTING ACCEPT [0:0]\n:KRATER_OUTPUT - [0:0]\n-A OUTPUT -j KRATER_OUTPUT\n-A OUTPUT -j DOCKER\nCOMMIT\n")
	f.Add("-A")
	f.Add(":KRATER_INBOUND")
	f.Fuzz(func(t *testing.T, saved string) {
		for line := range strings.SplitSeq(undoIPTables(saved), "\n") {
			switch words := strings.Fields(line); {
			case len(words) == 0, words[0] == "*nat", words[0] == "COMMIT":
			case !strings.Contains(line, "KRATER_"), len(words) < 2, words[0] != "-D" && words[0] != "-F" && words[0] != "-X":
				t.Errorf("%q has %q", saved, line)
			}
		}
	})
}
