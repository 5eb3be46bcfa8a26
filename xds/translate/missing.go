package translate

import (
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"

	"github.com/krater-mesh/krater/model"
)

// stateFilterDecision is where filters say what decided, for the records.
const stateFilterDecision = "wasm.krater.filter_decision"

// decisionMissing is said of a filter whose module cannot be had.
const decisionMissing = "filter_module_missing"

// missingModule stands in the place of a filter that fails closed and whose
// module cannot be had: it answers 503, and needs no Wasm for that.
func missingModule(object model.Ref) filters {
	return filters{
		extension("krater.filter_decision", &setstatev3.Config{
			OnRequestHeaders: []*statev3.FilterStateValue{stateValue(stateFilterDecision, decisionMissing+"/"+literal(object.Key()))},
		}),
		extension("missing|"+object.Key(), &faultv3.HTTPFault{Abort: &faultv3.FaultAbort{
			ErrorType:  &faultv3.FaultAbort_HttpStatus{HttpStatus: 503},
			Percentage: share(100),
		}}),
	}
}
