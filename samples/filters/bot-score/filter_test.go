package main

import (
	"testing"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

var browser = [][2]string{{":path", "/"}, {"user-agent", "Mozilla/5.0"}, {"accept", "*/*"}, {"accept-language", "en"}, {"accept-encoding", "gzip"}, {"x-request-id", "1"}}

func run(t *testing.T, config string, headers ...[2]string) *sdktest.Stream {
	t.Helper()
	h := sdktest.NewHost()
	f, err := New(h, []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	s := h.NewStream(headers...)
	f.OnRequest(s)
	return s
}

func TestScores(t *testing.T) {
	config := `{"agents":["curl","bot"],"refuseAt":50}`
	for want, headers := range map[string][][2]string{
		"0":  browser,
		"30": append([][2]string{{"user-agent", "Googlebot"}}, browser[2:]...),
		"40": {{":path", "/"}},
	} {
		s := run(t, config, headers...)
		if got, _ := s.Request().Get("x-bot-score"); got != want || s.Answer != nil {
			t.Errorf("%v: score %s, want %s; answered %v", headers, got, want, s.Answer)
		}
	}
	if s := run(t, config, [2]string{"user-agent", "curl/8"}); s.Answer == nil || s.Answer.Details != "bot_score_60" {
		t.Errorf("curl is answered %+v", s.Answer)
	}
}

func TestTheFingerprintIsOfNamesInOrder(t *testing.T) {
	print := func(headers [][2]string) string {
		got, _ := run(t, `{}`, headers...).Request().Get("x-bot-fingerprint")
		return got
	}
	other := append([][2]string{{"cookie", "a"}}, browser...)
	other[3] = [2]string{"accept", "text/html"}
	turned := [][2]string{browser[2], browser[1], browser[3], browser[4]}
	if print(browser) != print(other) || print(browser) == print(turned) {
		t.Errorf("%s, with another value %s, in another order %s", print(browser), print(other), print(turned))
	}
	known := `{"known":{"` + print(browser) + `":70},"refuseAt":70}`
	if s := run(t, known, browser...); s.Answer == nil {
		t.Error("a known fingerprint passes")
	}
}

var _ sdk.Filter = (*Filter)(nil)
