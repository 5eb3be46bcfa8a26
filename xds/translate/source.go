package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/set_filter_state/v3"
	celv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/cel/v3"
)

// unknown is who a caller is that showed no certificate of the mesh.
const unknown = "unknown"

// The caller as its certificate names it: filter states of the connection.
const (
	stateSource    = "krater.source."
	statePrincipal = stateSource + "principal"
	stateNamespace = stateSource + "namespace"
	stateAccount   = stateSource + "service_account"
	stateWorkload  = stateSource + "workload"
)

// certifiedSource reads the caller's certificate once a connection, when it has
// been verified: its requests, records and limits then only look it up. The
// workload's name is in the DNS name, which counts only where it agrees with
// the URI about the namespace and the trust domain.
func certifiedSource() *listenerv3.Filter {
	const (
		uri     = "connection.uri_san_peer_certificate"
		dns     = "connection.dns_san_peer_certificate"
		ours    = "has(" + uri + ") && " + uri + ".matches('^spiffe://[^/]+/ns/[^/]+/sa/[^/]+$')"
		part    = uri + ".split('/')"
		suffix  = "('.' + " + part + "[4] + '.workload.' + " + part + "[2])"
		without = " : '" + unknown + "'"
	)
	var values []*statev3.FilterStateValue
	for _, s := range []struct{ key, expression string }{
		{statePrincipal, ours + " ? " + uri + ".replace('spiffe://', '')" + without},
		{stateNamespace, ours + " ? " + part + "[4]" + without},
		{stateAccount, ours + " ? " + part + "[6]" + without},
		{stateWorkload, ours + " && " + dns + ".endsWith(" + suffix + ") ? " + dns + ".replace(" + suffix + ", '')" + without},
	} {
		v := stateValue(s.key, "%CEL("+s.expression+")%")
		v.Value.(*statev3.FilterStateValue_FormatString).FormatString.Formatters = []*corev3.TypedExtensionConfig{
			extension("envoy.formatter.cel", &celv3.Cel{CelConfig: &corev3.CelExpressionConfig{EnableStringConcat: true, EnableStringFunctions: true}}),
		}
		values = append(values, v)
	}
	return networkFilter("envoy.filters.network.set_filter_state", &setstatev3.Config{OnDownstreamTlsHandshake: values})
}

// state is a filter state's value in a record.
func state(key string) string { return "%FILTER_STATE(" + key + ":PLAIN)%" }
