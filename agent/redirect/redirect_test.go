package redirect

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// configs are what golden files are made of, by their names.
func configs(t *testing.T) map[string]Config {
	t.Helper()
	some := Default()
	some.UIDs, some.GIDs = []uint32{1337, 1338}, nil
	some.ExcludeInterfaces = []string{"docker0"}
	some.IncludeInboundPorts = must(ParsePorts("9080, 443"))(t)
	some.ExcludeInboundPorts = nil
	some.IncludeOutboundPorts = must(ParsePorts("3306"))(t)
	some.ExcludeOutboundPorts = must(ParsePortList("25,587"))(t)
	some.IncludeOutboundRanges = must(ParseRanges("10.96.0.0/12,10.97.0.1,fd00::/8"))(t)
	some.ExcludeOutboundRanges = must(ParseRanges("169.254.169.254"))(t)
	lookups := Default()
	lookups.Resolvers = []netip.Addr{netip.MustParseAddr("10.77.0.9"), netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("127.0.0.53")}
	nothing := Default()
	nothing.IncludeInboundPorts, nothing.IncludeOutboundRanges = Ports{}, Ranges{}
	return map[string]Config{"default": Default(), "some": some, "lookups": lookups, "nothing": nothing}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestRules(t *testing.T) {
	for name, c := range configs(t) {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		golden(t, name+".nft", c.NFTables())
		golden(t, name+".iptables", c.IPTables(false, ""))
		golden(t, name+".ip6tables", c.IPTables(true, ""))
	}
}

// TestUndo: of the rules in force, ours and nothing else go away.
func TestUndo(t *testing.T) {
	saved, err := os.ReadFile("testdata/others.saved")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "others.undo", undoIPTables(string(saved)))
	golden(t, "others.again", Default().IPTables(false, string(saved)))
	if got := undoIPTables("*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j DOCKER\nCOMMIT\n"); got != "" {
		t.Errorf("where nothing is ours, this is undone:\n%s", got)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what comes out (go test -update writes it):\n%s", path, got)
	}
}

// TestWhatIsRefused: nothing that is not understood gets into a script.
func TestWhatIsRefused(t *testing.T) {
	for _, c := range []func() error{
		func() error { _, err := ParsePortList("80,0"); return err },
		func() error { _, err := ParsePorts("80;drop"); return err },
		func() error { _, err := ParseRanges("10.0.0.0/33"); return err },
		func() error { _, err := ParseRanges("::ffff:10.0.0.0/112"); return err },
		func() error { _, err := ParseIDs("-1"); return err },
		func() error { c := Default(); c.UIDs, c.GIDs = nil, nil; return c.Validate() },
		func() error { c := Default(); c.UIDs = []uint32{0}; return c.Validate() },
		func() error { c := Default(); c.InboundPort = c.OutboundPort; return c.Validate() },
		func() error { c := Default(); c.ExcludeInterfaces = []string{`lo" accept #`}; return c.Validate() },
		func() error { _, err := Choose("ebpf"); return err },
	} {
		if err := c(); err == nil {
			t.Error("something wrong is taken")
		}
	}
}

func TestRangesWithinOthersAreLeftOut(t *testing.T) {
	r := must(ParseRanges("10.0.0.0/8,10.1.0.0/16,10.0.0.0/8,192.168.0.1"))(t)
	if len(r.List) != 2 {
		t.Errorf("got %v, want two: nft refuses overlaps", r.List)
	}
}

func TestWithoutProgramsItSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if has("nft") || has("iptables-restore") {
		return // they lie in /usr/sbin, where they are found without a PATH
	}
	if _, err := Choose(Auto); err == nil || !strings.Contains(err.Error(), "apt-get install nftables") {
		t.Errorf("got %v, want what to install", err)
	}
}
