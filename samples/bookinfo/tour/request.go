package tour

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// request is one to the gateway.
type request struct {
	method string // empty: GET
	path   string
	header string // "name: value", or empty
	body   string
}

// curl is the same request by hand.
func (r request) curl(o Options) string {
	var b strings.Builder
	b.WriteString("curl -i")
	if r.method != "" && (r.method != http.MethodPost || r.body == "") {
		b.WriteString(" -X " + r.method)
	}
	if r.header != "" {
		b.WriteString(" -H '" + r.header + "'")
	}
	if r.body != "" {
		b.WriteString(" -d '" + r.body + "'")
	}
	b.WriteString(" " + o.Page + r.path)
	return b.String()
}

// response is what came back.
type response struct {
	status  int
	header  http.Header
	body    string
	elapsed time.Duration
}

// String is the status and the body's first line, cut to a terminal's width;
// of a page its size.
func (r response) String() string {
	if strings.HasPrefix(r.header.Get("content-type"), "text/html") {
		return fmt.Sprintf("%d a page of %d bytes", r.status, len(r.body))
	}
	line, _, _ := strings.Cut(strings.TrimSpace(r.body), "\n")
	if runes := []rune(line); len(runes) > 96 {
		line = string(runes[:93]) + "..."
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", r.status, line))
}

func (v *visit) send(ctx context.Context, r request) (response, error) {
	return v.get(ctx, v.Page+r.path, r)
}

func (v *visit) get(ctx context.Context, url string, r request) (response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, url, strings.NewReader(r.body))
	if err != nil {
		return response{}, fmt.Errorf("sending a request: %w", err)
	}
	if name, value, ok := strings.Cut(r.header, ": "); ok {
		req.Header.Set(name, value)
	}
	start := time.Now()
	resp, err := v.client.Do(req)
	if err != nil {
		return response{}, fmt.Errorf("sending a request: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return response{}, fmt.Errorf("reading the answer: %w", err)
	}
	return response{resp.StatusCode, resp.Header, string(body), time.Since(start)}, nil
}
