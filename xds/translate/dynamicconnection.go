package translate

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	networkstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/set_filter_state/v3"
	snidynamicv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

// stateDynamicHost is where Envoy looks for the name that a connection means.
const stateDynamicHost = "envoy.upstream.dynamic_host"

// resolving are the filters of connections that go where their caller said:
// they resolve the name that TLS asks for, or the one in named, a format.
func resolving(named string, port uint32) []*listenerv3.Filter {
	var out []*listenerv3.Filter
	if named != "" {
		out = append(out, networkFilter("envoy.filters.network.set_filter_state", &networkstatev3.Config{
			OnNewConnection: []*statev3.FilterStateValue{stateValue(stateDynamicHost, named)},
		}))
	}
	return append(out, networkFilter("envoy.filters.network.sni_dynamic_forward_proxy", &snidynamicv3.FilterConfig{
		DnsCacheConfig: dnsCache(), PortSpecifier: &snidynamicv3.FilterConfig_PortValue{PortValue: port},
	}))
}

// calledName is the name and port that a CONNECT asked for.
const calledName = "%FILTER_STATE(" + stateAuthority + ":PLAIN)%"

// resolve puts what a connection needs before its filters.
func (c connection) resolve(chain *listenerv3.FilterChain, named string) *listenerv3.FilterChain {
	if c.dynamic {
		if c.protocol.IsTLS() {
			named = ""
		}
		chain.Filters = append(resolving(named, c.port), chain.Filters...)
	}
	return chain
}

// isDynamic tells whether a port's connections go where their callers say.
func isDynamic(s *model.Service, p *model.DestinationPolicy, port model.Port) bool {
	return dynamic(s, p.PolicyFor("", port.Number))
}

func networkFilter(name string, m proto.Message) *listenerv3.Filter {
	return &listenerv3.Filter{Name: name, ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(m)}}
}
