package sdktest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

// What follows is what docs/filters.md shows of calls, and of plain tests.

type keys struct {
	sdk.Base
	cluster string
}

func (f *keys) OnRequest(s sdk.Stream) sdk.Verdict {
	key, _ := s.Request().Get("x-api-key")
	call := sdk.HTTPCall{Cluster: f.cluster, Path: "/keys/" + key, Timeout: 200 * time.Millisecond}
	err := s.HTTP(call, func(a sdk.HTTPAnswer) {
		if a.Status != 200 {
			s.Reply(sdk.Reply{Status: 403, Details: "unknown_key"})
			return
		}
		user, _ := a.Headers.Get("x-user")
		s.Request().Set("x-user", user)
		s.ResumeRequest()
	})
	if err != nil {
		return s.Reply(sdk.Reply{Status: 503, Details: "no_key_service"})
	}
	return sdk.Pause
}

func TestKeys(t *testing.T) {
	host := sdktest.NewHost()
	host.AnswerHTTP = func(c sdk.HTTPCall) sdk.HTTPAnswer {
		if c.Path != "/keys/sesame" {
			return sdk.HTTPAnswer{Status: 404}
		}
		return sdk.HTTPAnswer{Status: 200, Headers: sdk.NewHeaderList([2]string{"x-user", "ali"})}
	}
	f := &keys{cluster: "keys"}
	s := host.NewStream([2]string{"x-api-key", "sesame"})
	if f.OnRequest(s) != sdk.Pause || host.Deliver() != 1 || s.ResumedRequest != 1 {
		t.Errorf("resumed %d times", s.ResumedRequest)
	}
	if user, _ := s.RequestHeaders.Get("x-user"); user != "ali" {
		t.Errorf("the user is %q", user)
	}
}

func TestKeysThatAreUnknown(t *testing.T) {
	host := sdktest.NewHost()
	s := host.NewStream()
	if (&keys{}).OnRequest(s) != sdk.Stop || s.Answer.Status != 503 {
		t.Errorf("without a service: %+v", s.Answer)
	}
	host.AnswerHTTP = func(sdk.HTTPCall) sdk.HTTPAnswer { return sdk.HTTPAnswer{Status: 404} }
	s = host.NewStream()
	if (&keys{}).OnRequest(s); host.Deliver() != 1 || s.Answer.Status != 403 || s.ResumedRequest != 0 {
		t.Errorf("an unknown key: %+v", s.Answer)
	}
	s = host.NewStream()
	if (&keys{}).OnRequest(s); host.Calls() != 1 {
		t.Errorf("%d calls are out", host.Calls())
	}
	s.End()
	if host.Deliver() != 0 || s.Answer != nil {
		t.Error("an answer came to a stream that is over")
	}
}

// TestThePageShowsThis: the page's Go is this file's, and what it links to is
// there.
func TestThePageShowsThis(t *testing.T) {
	page, err := os.ReadFile("../../../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.ReadFile("page_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## What a filter can do\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(section, -1)
	if !found || len(blocks) != 2 {
		t.Fatalf("the section has %d blocks of Go", len(blocks))
	}
	for _, b := range blocks {
		if !strings.Contains(string(here), b[1]) {
			t.Errorf("the page shows what is not tested:\n%s", b[1])
		}
	}
	for _, m := range regexp.MustCompile("`guest/([a-z]+)`").FindAllStringSubmatch(section, -1) {
		if _, err := os.Stat("../guest/" + m[1]); err != nil {
			t.Error(err)
		}
	}
}
