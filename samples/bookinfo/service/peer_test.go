package service

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func peer(t *testing.T, h http.HandlerFunc) Peer {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return Peer{Name: "ratings", URL: srv.URL, Client: srv.Client()}
}

func TestPeerFromEnv(t *testing.T) {
	p := PeerFromEnv("ratings", func(string) string { return "" })
	if p.URL != "http://ratings:9080" || p.Client.Timeout == 0 {
		t.Errorf("default: %+v", p)
	}
	p = PeerFromEnv("ratings", func(k string) string { return map[string]string{"RATINGS_URL": "http://x:1"}[k] })
	if p.URL != "http://x:1" {
		t.Errorf("given: %+v", p)
	}
}

func TestCallPropagates(t *testing.T) {
	var got http.Header
	p := peer(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	in := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, name := range propagated {
		in.Header.Set(name, "value of "+name)
	}
	in.Header.Set("authorization", "Bearer secret")
	if _, err := p.Call(in, http.MethodGet, "/ratings/0", nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range propagated {
		if got.Get(name) != "value of "+name {
			t.Errorf("%s arrived as %q", name, got.Get(name))
		}
	}
	if got.Get("authorization") != "" {
		t.Error("authorization was passed on")
	}
}

func TestGetJSONStatus(t *testing.T) {
	p := peer(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "RBAC: access denied\nmore", http.StatusForbidden)
	})
	var out any
	err := p.GetJSON(httptest.NewRequest(http.MethodGet, "/", nil), "/", &out)
	var status *StatusError
	if !errors.As(err, &status) || status.Status != http.StatusForbidden {
		t.Fatalf("got %v", err)
	}
	if got := err.Error(); got != "ratings answered 403: RBAC: access denied" {
		t.Errorf("got %q", got)
	}
}

func TestGetJSONNotJSON(t *testing.T) {
	p := peer(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) })
	var out any
	err := p.GetJSON(httptest.NewRequest(http.MethodGet, "/", nil), "/", &out)
	if err == nil || !strings.Contains(err.Error(), "reading the answer of ratings") {
		t.Errorf("got %v", err)
	}
}

func TestHealth(t *testing.T) {
	w := httptest.NewRecorder()
	WithHealth(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/health", nil))
	if w.Code != http.StatusOK || w.Body.String() != "{\"status\":\"ok\"}\n" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}
