package model

import "testing"

// What Envoy 1.40 itself answered.
func TestStringMatchIsOfBytes(t *testing.T) {
	for _, c := range []struct {
		match StringMatch
		value string
		want  bool
	}{
		{StringMatch{Kind: Regex, Value: "."}, "\xe9", true},
		{StringMatch{Kind: Regex, Value: "."}, "é", false},
		{StringMatch{Kind: Regex, Value: ".."}, "é", true},
		{StringMatch{Kind: Regex, Value: "é"}, "é", true},
		{StringMatch{Kind: Regex, Value: "a"}, "ab", false},
		{StringMatch{Kind: Regex, Value: "a|ab"}, "ab", true},
		{StringMatch{Kind: Regex, Value: "A", IgnoreCase: true}, "a", true},
		{StringMatch{Kind: Exact, Value: "Admin", IgnoreCase: true}, "aDMIN", true},
		{StringMatch{Kind: Exact, Value: "k", IgnoreCase: true}, "\u212a", false}, // the Kelvin sign
		{StringMatch{Kind: Exact, Value: "\xe9", IgnoreCase: true}, "\xff", false},
		{StringMatch{Kind: Suffix, Value: "É", IgnoreCase: true}, "é", false},
	} {
		if got := c.match.Matches(c.value); got != c.want {
			t.Errorf("%+v of %q: %t", c.match, c.value, got)
		}
	}
}
