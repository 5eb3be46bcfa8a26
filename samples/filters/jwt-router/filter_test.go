package main

import (
	"encoding/base64"
	"testing"

	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

func token(payload string) string {
	return "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
}

func TestTheClaimIsTheHeader(t *testing.T) {
	f, err := New(sdktest.NewHost(), []byte(`{"claim":"org.tier","values":["gold","silver"]}`))
	if err != nil {
		t.Fatal(err)
	}
	for authorization, want := range map[string]string{
		token(`{"org":{"tier":"gold"}}`):   "gold",
		token(`{"org":{"tier":"lead"}}`):   "standard",
		token(`{"org":{"tier":["gold"]}}`): "standard",
		token(`{"org":"gold"}`):            "standard",
		token(`no json`):                   "standard",
		"Bearer a.%.c":                     "standard",
		"Basic YTpi":                       "standard",
		"":                                 "standard",
	} {
		s := sdktest.NewStream([2]string{"authorization", authorization}, [2]string{"x-tier", "gold, says the caller"})
		f.OnRequest(s)
		if got, _ := s.Request().Get("x-tier"); got != want || s.RouteCacheCleared != 1 {
			t.Errorf("%s: %q, want %q", authorization, got, want)
		}
	}
}
