package mtls_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// gateways open what passes mutual TLS on, and what ends it.
const gateways = `  gateways:
  - {name: east, labels: {istio: east}, address: NETWORK9.4, ports: [{port: 15443}, {port: 8443}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: east, namespace: istio-system}
spec:
  selector: {istio: east}
  servers:
  - {port: {number: 15443, name: tls, protocol: TLS}, hosts: ["*.local"], tls: {mode: AUTO_PASSTHROUGH}}
  - {port: {number: 8443, name: https, protocol: HTTPS}, hosts: [shop.example.com], tls: {mode: ISTIO_MUTUAL}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: server, namespace: shop}
spec:
  hosts: [shop.example.com]
  gateways: [istio-system/east]
  http: [{route: [{destination: {host: server.shop.svc.cluster.local, port: {number: 8080}}}]}]
`

// TestGateways calls a STRICT server by a gateway: through it, and to it. What
// no server has as its SNI leads nowhere, also where a cluster is named so.
func TestGateways(t *testing.T) {
	w := newWorld(t)
	w.declare(strings.Replace(config(server{Mesh: "STRICT"}, client{}), meshDocument(false), meshDocument(false)+gateways, 1))
	for _, c := range []struct{ port, sni, kind, want string }{
		{"15443", "outbound_.8080_._.server.shop.svc.cluster.local", "member", "mtls"},
		{"15443", "outbound_.8080_._.server.shop.svc.cluster.local", "nobody", "refused"},
		{"15443", "outbound_.8080_._.server.shop.svc.cluster.local", "strange authority", "refused"},
		{"15443", "outbound_.9999_._.server.shop.svc.cluster.local", "member", "refused"},
		{"15443", "outbound|8080||server.shop.svc.cluster.local", "member", "refused"},
		{"15443", "PassthroughCluster.local", "member", "refused"},
		{"8443", "shop.example.com", "member", "mtls"},
		{"8443", "shop.example.com", "nobody", "refused"},
		{"8443", "shop.example.com", "expired", "refused"},
		{"8443", "shop.example.com", "other trust domain", "refused"},
	} {
		settled(t, fmt.Sprintf("port %s, %s, as %s", c.port, c.sni, c.kind), c.want, func() string { return w.byGateway(c.port, c.sni, c.kind) })
	}
}

// byGateway sends one request by TLS to a port of the gateway.
func (w *world) byGateway(port, sni, kind string) string {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(w.address("east"), port), 5*time.Second)
	if err != nil {
		return "refused"
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	config := &tls.Config{InsecureSkipVerify: true, ServerName: sni, NextProtos: []string{"istio", "http/1.1"}}
	if own := w.certificate(kind); own != nil {
		config.Certificates = []tls.Certificate{*own}
	}
	c := tls.Client(conn, config)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != http.StatusOK {
		return "refused"
	}
	body, _ := io.ReadAll(res.Body)
	outcome, _, _ := strings.Cut(string(body), " ")
	return outcome
}
