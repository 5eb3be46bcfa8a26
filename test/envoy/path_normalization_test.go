package envoy_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// TestNormalizePath draws paths out of what is hard about them, and holds
// explain's normalization to what a real Envoy makes of each.
func TestNormalizePath(t *testing.T) {
	for name, mesh := range map[string]model.Mesh{"merge": {}, "base": {KeepSlashes: true}, "decode": {DecodeSlashes: true}} {
		t.Run(name, func(t *testing.T) { normalizePaths(t, mesh) })
	}
}

func normalizePaths(t *testing.T, mesh model.Mesh) {
	admin, port, escaped := harness.FreePort(t), harness.FreePort(t), "KEEP_UNCHANGED"
	if mesh.DecodeSlashes {
		escaped = "UNESCAPE_AND_FORWARD"
	}
	harness.StartEnvoy(t, []byte(fmt.Sprintf(echoPath, admin, port, !mesh.KeepSlashes, escaped)), admin)
	words := []string{"/", "/", "/", ".", "..", "%2e", "%2E", "%", "%2", "%25", "%61", "%41", "%2f", "%5c", "%00", "%zz", "\\", ";", ";x=1",
		"a", "b", "6", "1", "\"", "<", "{", "|", "^", "`", "~", "%7e", "?", "?q=/../", "#", "é", "%c3%A9"}
	random := rand.New(rand.NewPCG(1, 2))
	conn := &connection{address: fmt.Sprintf("127.0.0.1:%d", port)}
	defer conn.close()
	for range 3000 {
		path := "/"
		for range random.IntN(10) {
			path += words[random.IntN(len(words))]
		}
		want, ok := conn.normalized(t, path)
		if got, valid := explain.NormalizePath(mesh, path); got != want || valid != ok {
			t.Errorf("NormalizePath(%q) = %q, %t; Envoy: %q, %t", path, got, valid, want, ok)
		}
	}
}

// connection sends paths as they are, which net/http's client does not.
type connection struct {
	address string
	conn    net.Conn
	answers *bufio.Reader
}

func (c *connection) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// normalized asks Envoy; !ok is its refusal, after which it hangs up.
func (c *connection) normalized(t *testing.T, path string) (normal string, ok bool) {
	t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			t.Fatal(err)
		}
		c.conn, c.answers = conn, bufio.NewReader(conn)
	}
	_ = c.conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		t.Fatalf("%q: %v", path, err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Close || strings.EqualFold(res.Header.Get("connection"), "close") {
		c.close()
	}
	return res.Header.Get("x-path"), res.StatusCode == http.StatusOK
}

const echoPath = `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          normalize_path: true
          merge_slashes: %t
          path_with_escaped_slashes_action: %s
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              response_headers_to_add: [{header: {key: x-path, value: "%%REQ(:PATH)%%"}}]
              routes: [{match: {prefix: /}, direct_response: {status: 200}}]
          http_filters:
          - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
`
