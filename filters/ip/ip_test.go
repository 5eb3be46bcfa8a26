package ip

import (
	"net/netip"
	"strings"
	"testing"
)

// check holds a text against net/netip.
func check(t *testing.T, text string) {
	t.Helper()
	want, err := netip.ParseAddr(text)
	valid := err == nil && want.Zone() == "" && !strings.Contains(text, "%")
	if have, ok := Parse(text); ok != valid || ok && (have.String() != want.String() || have.Unmap().String() != want.Unmap().String() || have.Six != want.Is6()) {
		t.Fatalf("%q is %s, %t; want %s, %t", text, have, ok, want, valid)
	}
	prefix, err := netip.ParsePrefix(text)
	if !strings.Contains(text, "/") {
		prefix, err = netip.PrefixFrom(want, want.BitLen()), nil
		if !valid {
			return
		}
	}
	block, ok := ParseBlock(text)
	if ok != (err == nil) {
		t.Fatalf("%q: block %t; want %v", text, ok, err)
	}
	if !ok {
		return
	}
	for _, a := range []netip.Addr{prefix.Addr(), prefix.Masked().Addr(), prefix.Addr().Next(), prefix.Addr().Prev(), prefix.Masked().Addr().Prev()} {
		if mine, ok := Parse(a.String()); a.IsValid() && (!ok || block.Has(mine) != prefix.Masked().Contains(a)) {
			t.Fatalf("%s in %q: %t, %t", a, text, ok, block.Has(mine))
		}
	}
}

func TestAgainstNetip(t *testing.T) {
	for _, text := range strings.Fields(`1.2.3.4 0.0.0.0 255.255.255.255 256.1.1.1 1.2.3 1.2.3.4.5 01.2.3.4 1.2.3.0004 1..2.3 a.b.c.d 1.2.3.4:5
		:: ::1 1:: 1::2 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1:2:3:4::5:6:7:8 1:2:3:4:5:6:7:8:9 1:::2 ::1::2 : ::: 1: :1 12345:: g::
		::ffff:1.2.3.4 ::1.2.3.4 1:2:3:4:5:6:1.2.3.4 1:2:3:4:5:6:7:1.2.3.4 1:2:3:1.2.3.4 ::1.2.3 fe80::1%eth0 2001:DB8:0:0:1:0:0:1 0:0:1:0:0:0:0:0 1:0:0:2:0:0:0:3
		10.0.0.0/8 10.1.2.3/8 0.0.0.0/0 10.0.0.0/33 10.0.0.0/ 10.0.0.0/08 10.0.0.0/-1 10.0.0.0/+1 ::/0 2001:db8::/32 2001:db8::1/128 ::/129 2001:db8::/64 2001:db8::/65 2001:db8::/63`) {
		check(t, text)
	}
}

func FuzzIP(f *testing.F) {
	f.Add("2001:db8::1/64")
	f.Add("::ffff:1.2.3.4")
	f.Add("10.1.2.3/9")
	f.Fuzz(func(t *testing.T, text string) { check(t, text) })
}

func TestParsingAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Parse("2001:db8::1"); Parse("10.0.0.1"); Parse("x") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
