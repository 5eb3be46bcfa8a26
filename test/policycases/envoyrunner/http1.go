package envoyrunner

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/krater-mesh/krater/policyd/rego"
)

// patience is how long one answer may take.
const patience = 20 * time.Second

// http1 writes a request's bytes as they are.
type http1 struct {
	net.Conn
	answers *bufio.Reader
}

func newHTTP1(conn net.Conn) *http1 { return &http1{conn, bufio.NewReader(conn)} }

func (h *http1) close() { _ = h.Close() }

func (h *http1) exchange(r request) (*http.Response, string, error) {
	_ = h.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(h.Conn, r.text()); err != nil {
		return nil, "", err
	}
	res, err := http.ReadResponse(h.answers, &http.Request{Method: r.Method})
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

// text is the request in HTTP/1.1.
func (r request) text() string {
	var b strings.Builder
	method, path, host := orText(r.Method, "GET"), orText(r.Path, "/"), orText(r.Host, "cases.test")
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h.Name, h.Value)
	}
	switch {
	case len(r.trailers) > 0:
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n")
		if len(r.Body) > 0 {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(r.Body), r.Body)
		}
		b.WriteString("0\r\n")
		for _, h := range r.trailers {
			fmt.Fprintf(&b, "%s: %s\r\n", h.Name, h.Value)
		}
		b.WriteString("\r\n")
		return b.String()
	case len(r.Body) > 0 && !hasHeader(r.Headers, "content-length"):
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	return b.String()
}

func hasHeader(headers []rego.Header, name string) bool {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return true
		}
	}
	return false
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
