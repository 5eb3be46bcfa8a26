package translate

import (
	"strings"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	networkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	headerv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/krater-mesh/krater/model"
)

// The filter states that hold what no input of Envoy's matchers reads.
const (
	stateMatchedPath      = "krater.path"
	stateMatchedPrincipal = "krater.principal"
	stateMatchedPort      = "krater.source_port"
	stateMatchedProtocol  = "krater.protocol"
	stateMatchedClaim     = "krater.claim."
	stateMatchedTime      = "krater.time."
)

// timeParts are the parts of when a request came, in UTC.
var timeParts = map[string]string{"hour": "%H", "minute": "%M", "second": "%S", "month": "%m", "day": "%d", "weekday": "%A"}

// loweredInputs are what lowered rules of a workload read, as far as it must be
// written down before.
type loweredInputs struct {
	p      *proxy
	states []*statev3.FilterStateValue
}

// text is the input that gives a value as text; nil: there is none, since no
// set declares the attribute, or it is not one text.
func (in *loweredInputs) text(i model.ProxyInput) *xdscorev3.TypedExtensionConfig {
	switch i.Kind {
	case model.InputHeader:
		return typed("header", &headerv3.HttpRequestHeaderMatchInput{HeaderName: i.Name})
	case model.InputPath:
		return in.state(stateMatchedPath, "%PATH(NQ:PATH)%")
	case model.InputSourceAddress:
		return typed("address", &networkv3.DirectSourceIPInput{})
	case model.InputSourcePort:
		return in.state(stateMatchedPort, "%DOWNSTREAM_DIRECT_REMOTE_PORT%")
	case model.InputDestination:
		return typed("address", &networkv3.DestinationIPInput{})
	case model.InputDestinationPort:
		return typed("port", &networkv3.DestinationPortInput{})
	case model.InputPrincipal: // the first of each that there is, as ext_authz has it
		return in.state(stateMatchedPrincipal, celOperator("connection.subject_peer_certificate"),
			celOperator("connection.dns_san_peer_certificate"), celOperator("connection.uri_san_peer_certificate"))
	case model.InputSNI:
		return typed("sni", &networkv3.ServerNameInput{})
	case model.InputProtocol:
		return in.state(stateMatchedProtocol, "%PROTOCOL%")
	case model.InputClaim:
		return in.state(stateMatchedClaim+strings.Join(i.Path, ":"), claimFormat(i.Path))
	case model.InputTime:
		if part, ok := timeParts[i.Name]; ok {
			return in.state(stateMatchedTime+i.Name, "%START_TIME("+part+")%")
		}
	case model.InputSame:
		return in.same(i)
	case model.InputAttribute:
		if a, ok := in.p.declaredAs("attribute." + i.Name); ok {
			return fromState(attributeState(a))
		}
	}
	return nil
}

func fromState(key string) *xdscorev3.TypedExtensionConfig {
	return typed("state", &networkv3.FilterStateInput{Key: key})
}

// state has a value written down, once; of several formats the last that gives
// a text counts.
func (in *loweredInputs) state(key string, formats ...string) *xdscorev3.TypedExtensionConfig {
	for _, v := range in.states {
		if v.GetObjectKey() == key {
			return fromState(key)
		}
	}
	for _, f := range formats {
		in.states = append(in.states, drawnValue(key, f))
	}
	return fromState(key)
}
