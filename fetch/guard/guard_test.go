package guard

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"golang.org/x/net/dns/dnsmessage"
)

func TestAddresses(t *testing.T) {
	g, open := &guard{}, &model.FetchHost{Private: true}
	for address, want := range map[string]string{ // "" always, "p" where private is allowed, "n" only by its own name
		"93.184.216.34": "", "2606:2800:220:1::1": "", "8.8.8.8": "",
		"127.0.0.1": "p", "127.80.0.3": "p", "10.0.0.1": "p", "172.16.9.9": "p", "172.31.0.1": "p", "192.168.1.1": "p",
		"100.64.0.1": "p", "0.0.0.0": "p", "::1": "p", "::": "p", "fc00::1": "p", "fd12::1": "p", "224.0.0.1": "p", "255.255.255.255": "p",
		"::ffff:127.0.0.1": "p", "::ffff:10.0.0.1": "p", "::127.0.0.1": "p", "64:ff9b::7f00:1": "p", "2002:7f00:1::": "p", "198.18.0.1": "p",
		"169.254.169.254": "n", "::ffff:169.254.169.254": "n", "fe80::1": "n", "fe80::1%eth0": "n", "fd00:ec2::254": "n",
		"100.100.100.200": "n", "192.0.0.192": "n", "168.63.129.16": "n",
	} {
		ip := netip.MustParseAddr(address)
		if got := g.check("host", ip, nil) == nil; got != (want == "") {
			t.Errorf("%s: allowed is %v", address, got)
		}
		if got := g.check("host", ip, open) == nil; got != (want != "n") {
			t.Errorf("%s, of a host that may be private: allowed is %v", address, got)
		}
		if g.check(ip.WithZone("").String(), ip, open) != nil {
			t.Errorf("%s is refused though the mesh names it", address)
		}
	}
}

func host(url string) string { return url[strings.Index(url, "://")+3:] }

func get(t *testing.T, p *model.FetchPolicy, r *Resolver, url string) (string, error) {
	t.Helper()
	c := NewClient(Options{Policy: p, Field: "spec.filters", Resolver: r})
	defer c.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func refused(err error) bool { var r *Refusal; return errors.As(err, &r) }

func TestOnlyWhatTheMeshAllows(t *testing.T) {
	var hits atomic.Int32
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { hits.Add(1); io.WriteString(w, "plain") }))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secure") }))
	defer secure.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	policy := func(hosts ...model.FetchHost) *model.FetchPolicy { return &model.FetchPolicy{Hosts: hosts} }

	for name, p := range map[string]*model.FetchPolicy{
		"no policy": nil, "only private": policy(model.FetchHost{Host: host(plain.URL), Private: true}),
		"only http": policy(model.FetchHost{Host: host(plain.URL), HTTP: true}),
		"another":   policy(model.FetchHost{Host: "127.0.0.1", Private: true, HTTP: true}),
	} {
		if _, err := get(t, p, nil, plain.URL); !refused(err) {
			t.Errorf("%s: plain HTTP of this machine: %v", name, err)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("the server was asked %d times", hits.Load())
	}
	if b, err := get(t, policy(model.FetchHost{Host: host(plain.URL), Private: true, HTTP: true}), nil, plain.URL); b != "plain" {
		t.Errorf("what is allowed is refused: %v", err)
	}
	if _, err := get(t, policy(model.FetchHost{Host: host(secure.URL), Private: true}), nil, secure.URL); !errors.As(err, new(x509.UnknownAuthorityError)) {
		t.Errorf("a certificate of an unknown authority: %v", err)
	}
	if b, err := get(t, policy(model.FetchHost{Host: host(secure.URL), Private: true, CA: ca}), nil, secure.URL); b != "secure" {
		t.Errorf("with its authority: %v", err)
	}
	only := policy(model.FetchHost{Host: "registry.example.com"})
	only.OnlyHosts = true
	if _, err := get(t, only, nil, "https://other.example.com/"); !refused(err) || !strings.Contains(err.Error(), "not one of the mesh's hosts") {
		t.Errorf("a host that is not one of the mesh's: %v", err)
	}
}

func TestRedirects(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "the secret") }))
	defer inner.Close()
	var to atomic.Value
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to.Load().(string), http.StatusFound)
	}))
	defer outer.Close()
	p := &model.FetchPolicy{Hosts: []model.FetchHost{{Host: host(outer.URL), Private: true, HTTP: true}}}
	for what, target := range map[string]string{"this machine": inner.URL, "metadata": "http://169.254.169.254/latest/meta-data/",
		"metadata over TLS": "https://169.254.169.254/", "a file": "file:///etc/passwd", "another way": "gopher://127.0.0.1/", "itself": outer.URL} {
		to.Store(target)
		if b, err := get(t, p, nil, outer.URL); err == nil || what != "a file" && what != "another way" && !refused(err) {
			t.Errorf("a redirect to %s gives %q, %v", what, b, err)
		}
	}
}

// rebinding answers the first lookup of a name with one address, and each
// later one with another.
func rebinding(t *testing.T, first, later string) *Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	var asked atomic.Int32
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				ip := netip.MustParseAddr(first)
				if asked.Add(1) > 1 {
					ip = netip.MustParseAddr(later)
				}
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: ip.As4()}}}
			}
			if b, err := m.Pack(); err == nil {
				_, _ = pc.WriteTo(b, from)
			}
		}
	}()
	return &Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func TestANameThatLeadsElsewhereTheSecondTime(t *testing.T) {
	var hits atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) })}}
	s.Start()
	defer s.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	name := "rebind.example.com:" + port
	resolver := rebinding(t, "127.0.0.2", "169.254.169.254")
	p := &model.FetchPolicy{Hosts: []model.FetchHost{{Host: name, Private: true, HTTP: true}}}
	if _, err := get(t, p, resolver, "http://"+name+"/"); err != nil || hits.Load() != 1 {
		t.Fatalf("the first time: %v, %d requests", err, hits.Load())
	}
	if _, err := get(t, p, resolver, "http://"+name+"/"); !refused(err) {
		t.Errorf("the second time it leads to where secrets are: %v", err)
	}
	p.Hosts[0].Private = false
	resolver = rebinding(t, "127.0.0.2", "127.0.0.2")
	if _, err := get(t, p, resolver, "http://"+name+"/"); !refused(err) || hits.Load() != 1 {
		t.Errorf("a public name that leads to this machine: %v, %d requests", err, hits.Load())
	}
}

func TestErrorsHoldNoURL(t *testing.T) {
	_, err := get(t, nil, nil, "https://127.0.0.1:1/x?token=secret")
	if text := Plain(err).Error(); strings.Contains(text, "secret") || !strings.Contains(text, "127.0.0.1:1") || !refused(Plain(err)) {
		t.Errorf("got %q", text)
	}
}
