package crds

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"match", "route", "retries", "timeout", "headers"}
	for word, want := range map[string]string{"retires": "retries", "Match": "match", "rout": "route", "header": "headers", "zzz": "", "": ""} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}
