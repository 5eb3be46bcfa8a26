package filters

import (
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	networkrbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Why something stands in a filter's place, as metadata of a request that was
// answered there says it.
const (
	decisionMissing = "filter_module_missing"
	decisionOut     = "filter_taken_out"
	decisionSecret  = "filter_secret_missing"
)

// standIn is what stands in the place of a filter that does not run: nothing
// where it fails open, else a refusal.
func standIn(p plugin, decision string) *anypb.Any {
	switch {
	case p.network && p.open():
		return pack(&networkrbacv3.RBAC{StatPrefix: "krater_filter_out."}) // without rules it does nothing
	case p.network:
		return pack(&networkrbacv3.RBAC{StatPrefix: "krater_filter_out.", Rules: &rbacv3.RBAC{Action: rbacv3.RBAC_ALLOW}}) // nobody
	case p.open():
		return pack(&mutationv3.HeaderMutation{}) // without mutations it does nothing
	}
	// A slot's filters are a filter_chain, which Envoy takes no other within: so
	// it is one filter.
	return pack(&faultv3.HTTPFault{
		Abort: &faultv3.FaultAbort{
			ErrorType:  &faultv3.FaultAbort_HttpStatus{HttpStatus: 503},
			Percentage: &typev3.FractionalPercent{Numerator: 100},
		},
		FilterMetadata: &structpb.Struct{Fields: map[string]*structpb.Value{
			"krater.filter_decision": structpb.NewStringValue(decision + "/" + p.name),
		}},
	})
}

// pack wraps a message that this package made.
func pack(m proto.Message) *anypb.Any {
	out, err := anypb.New(m)
	if err != nil {
		panic("filters: a message of our own cannot be encoded: " + err.Error())
	}
	return out
}
