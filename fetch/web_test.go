package fetch

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

func allow(servers ...*httptest.Server) *model.FetchPolicy {
	p := &model.FetchPolicy{}
	for _, s := range servers {
		h := model.FetchHost{Host: s.Listener.Addr().String(), Private: true, HTTP: s.TLS == nil}
		if s.TLS != nil {
			h.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
		}
		p.Hosts = append(p.Hosts, h)
	}
	return p
}

// TestRealServers asks servers of this machine, once, as offline commands do.
func TestRealServers(t *testing.T) {
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			http.Error(w, "told too much", http.StatusTeapot)
		}
		io.WriteString(w, "elsewhere")
	}))
	defer elsewhere.Close()
	plain := httptest.NewServer(elsewhere.Config.Handler)
	defer plain.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/mine", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	mux.HandleFunc("/lowered", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL, http.StatusFound) })
	mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://169.254.169.254/", http.StatusFound)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	s := New(Options{})
	defer s.Close()
	both := allow(server, elsewhere, plain)
	for _, c := range []struct {
		path      string
		policy    *model.FetchPolicy
		body, why string
	}{
		{"/mine", both, "Bearer x", ""},
		{"/mine?1", nil, "", "Mesh spec.fetch.hosts: private"},
		{"/moved", both, "elsewhere", ""},
		{"/lowered", both, "elsewhere", ""},
		{"/moved?1", allow(server), "", "Mesh spec.fetch.hosts: private"},
		{"/lowered?1", allow(server, elsewhere), "", "not reached without TLS"},
		{"/inside", both, "", "secrets of their own"},
		{"/slow", both, "", "did not come in time"},
		{"/endless", both, "", "more than the 1048576 bytes"},
		{"/broken", both, "", "EOF"},
	} {
		a := s.Get(context.Background(), Request{URL: server.URL + c.path, Policy: c.policy, Authorization: "Bearer x", Timeout: time.Second})
		want(t, c.path, a, c.body, c.why)
		if a.Err != nil && strings.Contains(a.Err.Error(), c.path) {
			t.Errorf("%s: the reason holds the URL: %v", c.path, a.Err)
		}
	}
}

func TestURLs(t *testing.T) {
	for url, why := range map[string]string{
		"https://a.example/keys?x=1": "", "http://a.example:8080": "", "https://[::1]:8443/": "",
		"": "begins with", "file:///etc/passwd": "begins with", "a.example/keys": "begins with", "https://": "no host", "https://:443/": "no host",
		"https://u:p@a.example/": "no user", "https://a.example/#k": "behind #", "https://a.example/\x00": "no URL",
		"https://a.example/" + strings.Repeat("a", 9000): "no URL",
	} {
		if err := Check(url); (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", url, err, why)
		}
	}
	r := Request{URL: "http://a.example/", Authorization: "Bearer x"}
	if err := r.check(); err == nil {
		t.Error("a password is sent without TLS")
	}
}

// TestOthersAnswers: who may not have something does not get what another got,
// and what one kind took for good is no other's.
func TestOthersAnswers(t *testing.T) {
	keys := map[string]bool{}
	for _, r := range []Request{{URL: "https://a"}, {URL: "https://b"}, {URL: "https://a", Kind: "k"}, {URL: "https://a", Identity: "ns/n"}, {URL: "https://a", Accept: "x"}, {URL: "k", Kind: "https://a"}} {
		keys[r.key()] = true
	}
	if len(keys) != 6 {
		t.Errorf("%d keys of 6 requests", len(keys))
	}
}

// TestDamagedFiles: what a crash or a stranger left is not taken.
func TestDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{Dir: dir})
	defer s.Close()
	r := Request{URL: "https://a.example", Kind: "k"}
	if _, err := s.keep(r.key(), &r, kept{}, look{body: []byte("body\n")}); err != nil {
		t.Fatal(err)
	}
	if k := s.load(r.key(), r); string(k.body) != "body\n" {
		t.Fatalf("kept: %q", k.body)
	}
	path := s.path(r.key())
	whole, _ := os.ReadFile(path)
	for name, b := range map[string][]byte{"shorter": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), 'x'), "empty": nil, "another": bytes.Replace(whole, []byte("body"), []byte("tody"), 1), "no head": []byte("body")} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if k := s.load(r.key(), r); k.body != nil {
			t.Errorf("%s: %q", name, k.body)
		}
	}
}

func FuzzKept(f *testing.F) {
	f.Add(kept{URL: "https://a", SHA256: "x", body: []byte("y")}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := decode(b); err == nil {
			if again, err := decode(k.encode()); err != nil || !bytes.Equal(again.body, k.body) {
				t.Errorf("%q: %v", b, err)
			}
		}
	})
}
