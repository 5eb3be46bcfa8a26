package config

import "testing"

func TestValidate(t *testing.T) {
	good := List{Name: "default/bots", Action: Deny, Kind: Exact, Key: Key{Header: "user-agent"}, Entries: "a\nb"}
	with := func(change func(*List)) List {
		l := good
		change(&l)
		return l
	}
	for want, l := range map[string]List{
		"": good,
		"lists[0].name: must be a word, since it stands in the response code details": with(func(l *List) { l.Name = "a b" }),
		"lists[0].action: want ALLOW or DENY":                                         with(func(l *List) { l.Action = "deny" }),
		"lists[0].key: give exactly one of header, property":                          with(func(l *List) { l.Key.Property = []string{"x"} }),
		"lists[0].key.header: is not in lower case":                                   with(func(l *List) { l.Key.Header = "User-Agent" }),
		"lists[0].status: 200 is not between 400 and 599":                             with(func(l *List) { l.Status = 200 }),
		"lists[0].kind: want EXACT, CASE_INSENSITIVE or CIDR":                         with(func(l *List) { l.Kind = "REGEX" }),
		"lists[0].entries: line 3: is no address and no CIDR block": with(func(l *List) {
			l.Kind, l.Entries = CIDR, "10.0.0.1/8\n2001:db8::1\n10.0.0.0/33\nx"
		}),
	} {
		have := ""
		if err := (Config{[]List{l}}).Validate(); err != nil {
			have = err.Error()
		}
		if have != want {
			t.Errorf("says %q, want %q", have, want)
		}
	}
}
