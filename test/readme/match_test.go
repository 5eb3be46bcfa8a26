package readme

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		want, got string
		ok        bool
	}{
		{"", "", true},
		{"", "x\n", false},
		{"a", "a\n\n", true},
		{"a", "a \t\r\n", true},
		{"a", " a", false},
		{"a\nb", "a\nb", true},
		{"a\nb", "a", false},
		{"a", "a\nb", false},
		{"...", "", true},
		{"...", "a\nb", true},
		{"...\nb\n...", "a\nb\nc", true},
		{"...\nb\n...", "b", true},
		{"...\nb\n...", "a\nc", false},
		{"a\n...\nb\n...\nc", "a\nb\nb\nx\nc", true},
		{"a\n...\nb\nb\nc", "a\nb\nb\nb\nc", true},
		{"a\n...", "b\na", false},
		{"[..]", "anything", true},
		{"a[..]c", "abc", true},
		{"a[..]c", "ac", true},
		{"a[..]c", "abcd", false},
		{"a[..]b[..]b", "ab", false},
		{"a[..]b[..]b", "a-b-b", true},
		{"a[..]a", "a", false},
		{"[..]x[..]", "y", false},
		{"a.c", "abc", false},
	} {
		if ok := Match(strings.Split(tc.want, "\n"), tc.got); ok != tc.ok {
			t.Errorf("want %q, got %q: %v", tc.want, tc.got, ok)
		}
	}
}
