package main

import (
	"fmt"
	"testing"

	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

const split = `{"variants":[{"name":"a","weight":3},{"name":"b","weight":1},{"name":"old"}],"maxAge":"60s"}`

// visit gives the variant, and the cookie that was set.
func visit(t *testing.T, headers ...[2]string) (variant, set string) {
	t.Helper()
	h := sdktest.NewHost()
	f, err := New(h, []byte(split))
	if err != nil {
		t.Fatal(err)
	}
	s := h.NewStream(headers...)
	f.OnRequest(s)
	f.OnResponse(s)
	variant, _ = s.Request().Get("x-variant")
	set, _ = s.Response().Get("set-cookie")
	return variant, set
}

func TestAVisitorKeepsTheVariant(t *testing.T) {
	for cookies, want := range map[string]string{"variant=b": "b", "x=1; variant=old; y=2": "old"} {
		if got, set := visit(t, [2]string{"cookie", cookies}, [2]string{"x-variant", "a"}); got != want || set != "" {
			t.Errorf("%s: %q, cookie %q", cookies, got, set)
		}
	}
}

func TestNewVisitorsAreShared(t *testing.T) {
	count := map[string]int{}
	for i := range 4000 {
		got, set := visit(t, [2]string{"x-request-id", fmt.Sprintf("%08x-%d", i*2654435761, i)}, [2]string{"cookie", "variant=gone"})
		if want := "variant=" + got + "; Path=/; SameSite=Lax; Max-Age=60"; set != want {
			t.Fatalf("cookie %q, want %q", set, want)
		}
		count[got]++
	}
	if a := count["a"]; a < 2850 || a > 3150 || count["old"] != 0 {
		t.Errorf("of 4000 new visitors: %v", count)
	}
}

func TestSomeVariantHasAWeight(t *testing.T) {
	if _, err := New(sdktest.NewHost(), []byte(`{"variants":[{"name":"a"}]}`)); err == nil {
		t.Error("variants without any weight are taken")
	}
}
