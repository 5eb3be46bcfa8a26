package redirect

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/agent/redirect"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/netns"
)

// TestTheSidecarsOwnPortsAreShut: who is outside of a machine gets nothing out
// of the ports that are the sidecar's own, in whichever way it asks.
func TestTheSidecarsOwnPortsAreShut(t *testing.T) {
	w := newWorld(t)
	app(w.server, ":8080")
	w.start(redirect.NFTables)
	if status, _ := curl(t, w.outside, "http://web:8080/", w.server.Address); status != "200" {
		t.Fatalf("what is open answers %s", status)
	}
	for _, port := range []int{15000, 15001, 15006, 15053} {
		address := net.JoinHostPort(w.server.Address, fmt.Sprint(port))
		for _, asked := range []string{
			"GET /config_dump HTTP/1.1\r\nHost: " + address + "\r\n\r\n",
			"GET http://web.default.svc.cluster.local/ HTTP/1.1\r\nHost: web.default.svc.cluster.local\r\n\r\n",
			"CONNECT " + externalHost + ":80 HTTP/1.1\r\nHost: " + externalHost + ":80\r\n\r\n",
		} {
			if answer := said(w.outside, address, asked); answer != "" {
				t.Errorf("port %d answers %q to %q", port, answer, asked)
			}
		}
	}
}

// TestAnOutsiderIsNotBelieved: who has no certificate cannot say who it is,
// where plain text is taken; and gets nowhere, where it is not.
func TestAnOutsiderIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	app(w.server, ":8080")
	app(w.server, ":4444") // of no service
	w.start(redirect.NFTables)
	status, got := curl(t, w.outside, "http://web:8080/", w.server.Address,
		"-H", "X-Forwarded-Client-Cert: By=spiffe://cluster.local/ns/default/sa/server;URI=spiffe://cluster.local/ns/default/sa/client")
	if status != "200" || strings.Contains(got.Caller, "spiffe://") {
		t.Errorf("%s: the application is told that the caller is %q", status, got.Caller)
	}
	w.accept(model.MTLSStrict)
	w.publish()
	for _, port := range []string{"8080", "4444"} {
		if status, got := curl(t, w.outside, "http://web:"+port+"/", w.server.Address); got.Who != "" {
			t.Errorf("port %s answers %s in plain text", port, status)
		}
	}
}

// said is what comes back to a text that a host sends; empty: nothing.
func said(h *netns.Host, address, text string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	conn, err := h.Dial(ctx, "tcp", address)
	if err != nil {
		return ""
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		return ""
	}
	answer, _ := io.ReadAll(io.LimitReader(conn, 1<<10))
	return string(answer)
}
