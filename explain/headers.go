package explain

import (
	"slices"
	"strings"
)

// joinedHeaders are those that Envoy 1.40 keeps as one, joined by ",", when a
// request has several; any other it keeps as they came. Seen by sending two of
// each: https://github.com/envoyproxy/envoy, envoy/http/header_map.h and the
// filters that register more of them.
var joinedHeaders = set(`
	accept accept-encoding access-control-request-headers access-control-request-method authorization cache-control content-encoding
	content-type expect grpc-accept-encoding grpc-timeout if-match if-modified-since if-none-match if-range if-unmodified-since origin
	pragma referer user-agent via x-client-trace-id x-envoy-attempt-count x-envoy-downstream-service-cluster
	x-envoy-downstream-service-node x-envoy-external-address x-envoy-is-timeout-retry x-envoy-original-host x-envoy-original-path
	x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-request-id`)

// strippedHeaders are those that a proxy takes off every request before its
// filters see it: nobody outside may steer it.
var strippedHeaders = set(`
	connection keep-alive proxy-connection te transfer-encoding x-envoy-decorator-operation x-envoy-expected-rq-timeout-ms
	x-envoy-force-trace x-envoy-hedge-on-per-try-timeout x-envoy-internal x-envoy-ip-tags x-envoy-max-retries x-envoy-original-url
	x-envoy-retriable-header-names x-envoy-retriable-status-codes x-envoy-retry-grpc-on x-envoy-retry-on
	x-envoy-upstream-alt-stat-name x-envoy-upstream-rq-per-try-timeout-ms x-envoy-upstream-rq-timeout-alt-response
	x-envoy-upstream-rq-timeout-ms x-envoy-upstream-stream-duration-ms x-forwarded-client-cert x-krater-peer`)

func set(names string) map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.Fields(names) {
		out[name] = true
	}
	return out
}

// join gives several values of a header as one. Those that Envoy itself keeps
// as one lose the empty values.
func join(name string, values []string) string {
	if joinedHeaders[strings.ToLower(name)] {
		values = slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == "" })
	}
	return strings.Join(values, ",")
}

// Values gives what Envoy's RBAC and routes compare of a header, one after the
// other: one value that matches is enough, and with none the header is absent.
// (Expressions compare Header's, all joined.)
func (v View) Values(name string) []string {
	value, ok := v.Header(name)
	low := strings.ToLower(name)
	switch {
	case !ok:
		return nil
	case strings.HasPrefix(low, ":") || low == "host" || joinedHeaders[low]:
		return []string{value}
	}
	return v.Headers[low]
}

// validReferer tells what Envoy keeps of Referer: an absolute URL without user
// and fragment, or a path of a URI's characters whose first
// segment has no colon. Anything else it takes off.
func validReferer(value string) bool {
	if scheme, rest, absolute := strings.Cut(value, "://"); absolute && scheme != "" && rest != "" && !strings.Contains(scheme, "/") {
		authority, _, _ := strings.Cut(rest, "/")
		_, fragment, _ := strings.Cut(rest, "#")
		return !strings.Contains(authority, "@") && fragment == ""
	}
	segment, _, _ := strings.Cut(value, "/")
	foreign := func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"#<>[\\]^`{|}", c)
	}
	return !strings.Contains(segment, ":") && !strings.ContainsFunc(value, foreign)
}
