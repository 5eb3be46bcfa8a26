package accesslist

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/accesslist/config"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

// refused gives the list that refuses a value of the header "v"; "-" is absent.
func refused(t *testing.T, value string, lists ...config.List) string {
	t.Helper()
	for i := range lists {
		lists[i].Key = config.Key{Header: "v"}
	}
	f, err := New(sdktest.NewHost(), []byte(config.Config{Lists: lists}.JSON()))
	if err != nil {
		t.Fatal(err)
	}
	s := sdktest.NewStream()
	if value != "-" {
		s.RequestHeaders.Set("v", value)
	}
	if f.OnRequest(s) == sdk.Continue {
		return ""
	}
	if s.Answer.Details != s.Written[Decision] {
		t.Errorf("details %q, decision %q", s.Answer.Details, s.Written[Decision])
	}
	return fmt.Sprint(s.Answer.Status, " ", s.Answer.Details)
}

func TestLists(t *testing.T) {
	deny := func(kind, entries string) config.List {
		return config.List{Name: "d", Action: config.Deny, Kind: kind, Entries: entries}
	}
	allow := config.List{Name: "a", Action: config.Allow, Kind: config.Exact, Entries: "good\nbetter", Status: 451}
	shadow := deny(config.Exact, "x")
	shadow.Shadow = true
	for i, c := range []struct {
		value string
		lists []config.List
		want  string
	}{
		{"bad", []config.List{deny(config.Exact, "worse\nbad\n")}, "403 accesslist/d"},
		{"Bad", []config.List{deny(config.Exact, "bad")}, ""},
		{"ba", []config.List{deny(config.Exact, "bad")}, ""},
		{"bad\nworse", []config.List{deny(config.Exact, "bad\nworse")}, ""},
		{"BaD", []config.List{deny(config.CaseInsensitive, "bAd")}, "403 accesslist/d"},
		{"É", []config.List{deny(config.CaseInsensitive, "é")}, ""},
		{"-", []config.List{deny(config.Exact, "bad")}, ""},
		{"", []config.List{deny(config.Exact, "\n")}, ""},
		{"good", []config.List{allow}, ""},
		{"other", []config.List{allow}, "451 accesslist/a"},
		{"-", []config.List{allow}, "451 accesslist/a"},
		{"good", []config.List{allow, deny(config.Exact, "good")}, "403 accesslist/d"},
		{"x", []config.List{shadow}, ""},
		{"10.1.2.3", []config.List{deny(config.CIDR, "10.0.0.0/8\n2001:db8::/32")}, "403 accesslist/d"},
		{"11.1.2.3", []config.List{deny(config.CIDR, "10.0.0.0/8")}, ""},
		{"10.1.2.3:80", []config.List{deny(config.CIDR, "10.0.0.0/8")}, "403 accesslist/d"},
		{"[2001:db8::5]:80", []config.List{deny(config.CIDR, "2001:db8::/32")}, "403 accesslist/d"},
		{"2001:db8::5", []config.List{deny(config.CIDR, "2001:db8::/32")}, "403 accesslist/d"},
		{"::ffff:10.1.2.3", []config.List{deny(config.CIDR, "10.0.0.0/8")}, ""},
		{"1.2.3.4", []config.List{deny(config.CIDR, "0.0.0.0/0")}, "403 accesslist/d"},
		{"1::", []config.List{deny(config.CIDR, "::/0")}, "403 accesslist/d"},
		{"x", []config.List{deny(config.CIDR, "0.0.0.0/0\n::/0")}, ""},
		{"-", []config.List{deny(config.CIDR, "")}, ""},
	} {
		if have := refused(t, c.value, c.lists...); have != c.want {
			t.Errorf("%d: %q: %q, want %q", i, c.value, have, c.want)
		}
	}
}

// TestLarge: a hundred thousand entries are found, and no other, and asking
// allocates nothing.
func TestLarge(t *testing.T) {
	var names, prefixes []string
	for i := range 100_000 {
		names = append(names, fmt.Sprintf("user-%d@example.com", i))
		prefixes = append(prefixes, fmt.Sprintf("10.%d.%d.0/28", i>>8&255, i&255), fmt.Sprintf("2001:db8:%x::/48", i&0xffff))
	}
	sets := map[string]entries{
		"texts": newTexts(strings.Join(names, "\n"), false), "folded": newTexts(strings.Join(names, "\n"), true), "blocks": newBlocks(strings.Join(prefixes, "\n")),
	}
	for i := range 100_000 {
		name := names[i]
		if !sets["texts"].has(name) || sets["texts"].has(name+"x") || sets["texts"].has(name[1:]) || !sets["folded"].has(strings.ToUpper(name)) {
			t.Fatal(name)
		}
	}
	for _, c := range []struct {
		set, in, out string
	}{{"texts", names[77777], "nobody"}, {"folded", "USER-5@example.COM", "nobody"}, {"blocks", "10.200.7.15", "10.200.7.16"}, {"blocks", "2001:db8:ff::1", "2001:db9::"}} {
		if set := sets[c.set]; !set.has(c.in) || set.has(c.out) {
			t.Errorf("%s: %s %t, %s %t", c.set, c.in, set.has(c.in), c.out, set.has(c.out))
		} else if n := testing.AllocsPerRun(100, func() { set.has(c.in); set.has(c.out) }); n != 0 {
			t.Errorf("%s allocates %v times", c.set, n)
		}
	}
}

// TestBlocksAgree: what is found by halves is what a walk through all finds.
func TestBlocksAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	address := func() netip.Addr {
		if r.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{10, byte(r.IntN(3)), byte(r.IntN(256)), byte(r.IntN(256))})
		}
		a := [16]byte{0x20, 1, 7: byte(r.IntN(4)), 8: byte(r.IntN(4)), 15: byte(r.IntN(256))}
		return netip.AddrFrom16(a)
	}
	for range 200 {
		var lines []string
		var prefixes []netip.Prefix
		for range r.IntN(20) {
			a := address()
			p := netip.PrefixFrom(a, r.IntN(a.BitLen()+1))
			lines, prefixes = append(lines, p.String()), append(prefixes, p.Masked())
		}
		b := newBlocks(strings.Join(lines, "\n"))
		for range 50 {
			a, want := address(), false
			for _, p := range prefixes {
				want = want || p.Contains(a)
			}
			if b.has(a.String()) != want {
				t.Fatalf("%s in %v: %t", a, lines, !want)
			}
		}
	}
}

func TestCounts(t *testing.T) {
	h := sdktest.NewHost()
	f, err := New(h, []byte(`{"lists":[{"name":"n/s","action":"DENY","kind":"CIDR","key":{"property":["source","address"]},"entries":"10.0.0.1"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"10.0.0.1:5", "10.0.0.1:6", "10.0.0.2:7"} {
		s := h.NewStream()
		s.Properties["source.address"] = from
		f.OnRequest(s)
	}
	if h.Counters["accesslist.n/s.refused"] != 2 || h.Counters["accesslist.n/s.passed"] != 1 {
		t.Errorf("counted %v", h.Counters)
	}
}

// FuzzTexts: a set of lines has those lines and no others.
func FuzzTexts(f *testing.F) {
	f.Add("a\nb\nA", "a", true)
	f.Fuzz(func(t *testing.T, lines, value string, fold bool) {
		same := func(a, b string) bool { return a == b }
		if fold {
			same = func(a, b string) bool {
				if len(a) != len(b) {
					return false
				}
				for i := range len(a) {
					if lower(a[i]) != lower(b[i]) {
						return false
					}
				}
				return true
			}
		}
		want := false
		for _, line := range strings.Split(lines, "\n") {
			want = want || line != "" && same(line, value)
		}
		if have := newTexts(lines, fold).has(value); have != want {
			t.Fatalf("%q in %q: %t", value, lines, have)
		}
	})
}
