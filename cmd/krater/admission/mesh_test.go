package admission

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

func TestAMembersNameIsItsGroupAndAddress(t *testing.T) {
	for _, c := range []struct{ group, name, want string }{
		{"db", "db-10-0-0-7", "10.0.0.7"},
		{"db-10", "db-10-10-0-0-7", "10.0.0.7"},
		{"db", "db-10-10-0-0-7", ""},   // of db-10
		{"db-10", "db-10-0-0-7", ""},   // of db
		{"db", "db-010-0-0-7", ""},     // no address is written like this
		{"db", "db-10-0-0-256", ""},    //
		{"db", "db-", ""},              //
		{"db", "db", ""},               //
		{"db", "cache-10-0-0-7", ""},   //
		{"db", "db-fe80--1", ""},       // not expanded: another name of the same address
		{"db", "db-10.0.0.7", ""},      //
		{"db", "db-1-2-3-4-5-6-7", ""}, //
	} {
		a, ok := address(c.group, c.name)
		if got := a.String(); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s of %s: %s %v, want %q", c.name, c.group, got, ok, c.want)
		}
	}
	for _, text := range []string{"10.1.2.3", "2001:db8::1", "::", "ff02::1:ff00:0"} {
		want := netip.MustParseAddr(text)
		if got, ok := address("db", model.MemberName("db", want)); !ok || got != want {
			t.Errorf("%s: %s %v", text, got, ok)
		}
	}
}

// No name is a member's of two groups: else the order of the groups would
// decide whose template it gets.
func FuzzAMemberHasOneGroup(f *testing.F) {
	f.Add("db-10-0-0-7")
	f.Add("db-10-10-10-0-0-7")
	f.Add("a-2001-0db8-0000-0000-0000-0000-0000-0001")
	f.Fuzz(func(t *testing.T, name string) {
		found := ""
		for i := range name {
			if group := name[:i]; strings.HasPrefix(name[i:], "-") {
				a, ok := address(group, name)
				if !ok {
					continue
				}
				if found != "" {
					t.Errorf("%q is a member of %q and of %q", name, found, group)
				}
				if model.MemberName(group, a) != name {
					t.Errorf("%q is not the name of %s in %q", name, a, group)
				}
				found = group
			}
		}
	})
}
