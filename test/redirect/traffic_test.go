package redirect

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/agent/redirect"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/netns"
)

func read(res *http.Response) string {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// curl is a program that knows nothing of proxies: it calls an address, with
// the name that the address was looked up by. It gives the answer's status and
// what the application saw.
func curl(t *testing.T, h *netns.Host, name, ip string, args ...string) (string, seen) {
	t.Helper()
	host, port, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(name, "http://"), "https://"), ":")
	port, _, _ = strings.Cut(port, "/")
	out, code := h.Try(netns.Command{UID: 1000, Args: append([]string{"curl", "-sS", "--noproxy", "*", "-m", "10", "--resolve", host + ":" + port + ":" + ip, "-w", "\n%{http_code}", name}, args...)})
	if code != 0 {
		return strings.TrimSpace(out), seen{}
	}
	i := strings.LastIndex(out, "\n")
	var s seen
	_ = json.Unmarshal([]byte(out[:i]), &s)
	return out[i+1:], s
}

// TestAProgramThatKnowsNoProxyIsInTheMesh: HTTP/1.1, HTTP/2, TCP where the
// server speaks first, all of it by mutual TLS, with both backends.
func TestAProgramThatKnowsNoProxyIsInTheMesh(t *testing.T) {
	eachBackend(t, func(t *testing.T, b redirect.Backend) {
		w := newWorld(t)
		w.accept(model.MTLSStrict)
		app(w.server, ":8080")
		app(w.server, ":9090")
		app(w.server, ":7000")
		names(w.server, ":3306", "db")
		names(w.server, ":5432", "peer")
		w.start(b)

		status, got := curl(t, w.client, "http://web:80/", webIP)
		if status != "200" || got.Who != "server" || got.Host != "web" || got.Proto != "HTTP/1.1" {
			t.Errorf("GET http://web/ gives %s, and the application saw %+v", status, got)
		}
		if got.From != "127.0.0.6" || got.To != w.server.Address {
			t.Errorf("the application is called from %s at %s, want from 127.0.0.6 at its own address", got.From, got.To)
		}
		if !strings.Contains(got.Caller, "spiffe://cluster.local/ns/default/sa/client") {
			t.Errorf("the application is told that the caller is %q, want the client's identity", got.Caller)
		}
		status, got = curl(t, w.client, "http://web.default:9090/", webIP, "--http2-prior-knowledge")
		if status != "200" || got.Proto != "HTTP/2.0" {
			t.Errorf("HTTP/2 gives %s, and the application saw %+v", status, got)
		}
		if status, got = curl(t, w.client, "http://web:7000/", webIP); status != "200" || got.Who != "server" {
			t.Errorf("HTTP to a port without a protocol gives %s, %+v", status, got)
		}
		if got := reached(w.client, 1000, dbIP+":3306"); got != "db" {
			t.Errorf("TCP by a virtual address reaches %s, want the database, which speaks first", got)
		}
		if got := reached(w.client, 1000, w.server.Address+":5432"); got != "peer" {
			t.Errorf("a headless service's endpoint, called by its address: %s, want the peer", got)
		}
		down(t, w.client)
		if status, _ := curl(t, w.client, "http://web:8080/", w.server.Address); !strings.Contains(status, "reset") && !strings.Contains(status, "Empty reply") {
			t.Errorf("without the client's sidecar a call in plain text gives %q, want that STRICT refuses it", status)
		}
		down(t, w.server)
		if status, got := curl(t, w.client, "http://web:8080/", w.server.Address); status != "200" || got.From != w.client.Address {
			t.Errorf("without redirect on either side: %s, %+v, want the application itself", status, got)
		}
	})
}
