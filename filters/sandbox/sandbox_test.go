package sandbox

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/krater-mesh/krater/agent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func builtin(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", "builtin", "dist", "builtin.wasm"))
	if err == nil {
		_, err = os.Stat(file)
	}
	if err != nil {
		t.Fatalf("the built-in module is missing: run `make filters` (%v)", err)
	}
	return file
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestAFilterIsLoadedReplacedAndRefused: a refused one leaves the one before.
func TestAFilterIsLoadedReplacedAndRefused(t *testing.T) {
	envoy, err := agent.FindEnvoy()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), Options{Envoy: envoy})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	load := func(config string) error {
		_, err := s.Load(t.Context(), Filter{File: builtin(t), RootID: "headers", Config: config})
		return err
	}
	for _, text := range []string{"one", "two"} {
		if err := load(`{"response":{"set":{"x-mixed":"` + text + `"}},"request":{"set":{"x-to":"` + text + `"}}}`); err != nil {
			t.Fatal(err)
		}
		resp, body := get(t, s.URL()+"/a?b")
		if resp.Header.Get("x-mixed") != text || !strings.Contains(body, `"/a?b"`) || !strings.Contains(body, `"x-to":["`+text+`"]`) {
			t.Errorf("%s: %v\n%s", text, resp.Header, body)
		}
	}
	err = load(`{"respond":{}}`)
	if err == nil || !strings.Contains(err.Error(), "respond: unknown field") {
		t.Errorf("a wrong configuration: %v", err)
	}
	s.Answer(&Answer{Status: 418, Body: "tea"})
	resp, body := get(t, s.URL())
	if resp.Header.Get("x-mixed") != "two" || resp.StatusCode != 418 || body != "tea" || len(s.Seen()) != 1 {
		t.Errorf("after the refused one: %v %s %v", resp.Header, body, s.Seen())
	}
	if m, err := s.Memory(); err != nil || m < 20<<20 {
		t.Errorf("memory is %d, %v", m, err)
	}
}
