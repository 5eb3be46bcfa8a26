package mesh

import "testing"

func TestResolve(t *testing.T) {
	for value, want := range map[string]string{
		"@127.80.0.5": "reviews-v1", "@namespace:127.80.0.5": "default",
		"@10.0.0.1": Unknown, "@namespace:10.0.0.1": Unknown, "@": Unknown, "@-": Unknown,
		"200": "200", "": "", "jason@example.com": "jason@example.com",
		"@value:v1": "v1", "@value:-": Unknown, "@value:": Unknown, "@value:@namespace:127.80.0.5": "@namespace:127.80.0.5",
		"@principal:spiffe://td/ns/a/sa/b": "td/ns/a/sa/b", "@principal:-": Unknown, "@bob": "@bob", "@namespace:-": Unknown,
	} {
		if got := view().Resolve(value); got != want {
			t.Errorf("Resolve(%q) = %q; want %q", value, got, want)
		}
	}
}
