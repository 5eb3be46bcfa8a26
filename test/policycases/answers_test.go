package policycases_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
)

// differs says what of an answer that Envoy gave is not what a case wants; "":
// all is.
func differs(c policycases.Case, a envoyrunner.Answer) string {
	if c.Want.Allowed {
		return allowedDiffers(c, a)
	}
	if a.Upstream != nil {
		return fmt.Sprintf("it reached the application, and wants %d", c.Want.Status)
	}
	status, body := c.Want.Status, c.Want.Body
	if status == 0 {
		status = http.StatusForbidden
	}
	if isGRPC(c.Request) { // Envoy tells of a denial in gRPC's words
		if got := a.Header.Get("grpc-status"); got != strconv.Itoa(grpcStatus(status)) {
			return fmt.Sprintf("grpc-status %q, want %d", got, grpcStatus(status))
		}
		status, body = http.StatusOK, ""
	}
	if c.Request.Method == http.MethodHead {
		body = ""
	}
	if a.Status != status || a.Body != body {
		return fmt.Sprintf("%d %q, want %d %q", a.Status, a.Body, status, body)
	}
	for _, h := range c.Want.Headers {
		if !slices.Contains(a.Header.Values(h.Name), h.Value) {
			return fmt.Sprintf("the header %s is %q, want %q", h.Name, a.Header.Values(h.Name), h.Value)
		}
	}
	return ""
}

func allowedDiffers(c policycases.Case, a envoyrunner.Answer) string {
	if a.Upstream == nil {
		return fmt.Sprintf("%d %q, and wants to be allowed", a.Status, a.Body)
	}
	if plain, err := c.Request.Plain(); err != nil || a.Upstream.Body != string(plain.Body) {
		return fmt.Sprintf("the application got the body %q, want %q (error %v)", a.Upstream.Body, plain.Body, err)
	}
	for _, name := range c.Want.RemoveHeaders {
		if got := a.Upstream.Header(strings.ToLower(name)); len(got) > 0 && !names(c.Want.Headers, name) {
			return fmt.Sprintf("the application got %s: %q, which is to be removed", name, got)
		}
	}
	for _, h := range c.Want.Headers {
		if got := a.Upstream.Header(h.Name); !slices.Contains(strings.Split(strings.Join(got, ","), ","), h.Value) && !slices.Contains(got, h.Value) {
			return fmt.Sprintf("the application got %s: %q, want %q", h.Name, got, h.Value)
		}
	}
	for _, h := range c.Want.ResponseHeaders {
		if !slices.Contains(a.Header.Values(h.Name), h.Value) {
			return fmt.Sprintf("the response's header %s is %q, want %q", h.Name, a.Header.Values(h.Name), h.Value)
		}
	}
	_, target, _ := strings.Cut(a.Upstream.Line, " ")
	target, _, _ = strings.Cut(target, " ")
	_, query, _ := strings.Cut(target, "?")
	values, _ := url.ParseQuery(query)
	for _, q := range c.Want.SetQuery {
		if !slices.Equal(values[q.Name], []string{q.Value}) {
			return fmt.Sprintf("the query %q has no %s=%s", query, q.Name, q.Value)
		}
	}
	for _, name := range c.Want.RemoveQuery {
		if values.Has(name) {
			return fmt.Sprintf("the query %q still has %s", query, name)
		}
	}
	return ""
}

// unlike says how two answers to the same request differ, to the byte: that of
// a policy in the proxy, and that of policyd.
func unlike(native, asked envoyrunner.Answer) string {
	return cmp.Diff(whole(asked), whole(native), cmpopts.EquateEmpty())
}

// whole is an answer without what differs from request to request.
func whole(a envoyrunner.Answer) map[string]any {
	out := map[string]any{"status": a.Status, "body": a.Body}
	header := a.Header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "X-Envoy-Upstream-Service-Time"} {
		header.Del(name)
	}
	out["header"] = header
	if a.Upstream == nil {
		return out
	}
	out["line"], out["sent"] = a.Upstream.Line, a.Upstream.Body
	var lines []string
	for _, h := range a.Upstream.Headers {
		if name := strings.ToLower(h[0]); name != "x-request-id" {
			lines = append(lines, name+": "+h[1])
		}
	}
	out["lines"] = lines
	return out
}

func names(headers []rego.Header, name string) bool {
	return slices.ContainsFunc(headers, func(h rego.Header) bool { return strings.EqualFold(h.Name, name) })
}

func isGRPC(r policycases.Request) bool {
	plain, err := r.Plain()
	return err == nil && slices.ContainsFunc(plain.Headers, func(h rego.Header) bool {
		return strings.EqualFold(h.Name, "content-type") && (h.Value == "application/grpc" || strings.HasPrefix(h.Value, "application/grpc+"))
	})
}

// grpcStatus is the code by which gRPC knows an HTTP status.
func grpcStatus(status int) int {
	switch status {
	case http.StatusBadRequest:
		return 13
	case http.StatusUnauthorized:
		return 16
	case http.StatusForbidden:
		return 7
	case http.StatusNotFound:
		return 12
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return 14
	}
	return 2
}
