package authz

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// KeyDecision is where the decision's identity is in the dynamic metadata of
// envoy.filters.http.ext_authz, a struct beside the policy's own keys:
// policy, rule, placement, policySet, decisionId, allowed and reason.
const KeyDecision = "krater"

// denied is the response of the policy that denies, whole.
func denied(o outcome) *authv3.CheckResponse {
	fields := make(map[string]*structpb.Value, len(o.answer.Metadata)+1)
	addMetadata(fields, o.answer.Metadata)
	fields[KeyDecision] = decisionValue(o.decision)
	return &authv3.CheckResponse{
		Status: &rpcstatus.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(o.answer.Status)},
			Body:    o.answer.Body,
			Headers: denialHeaders(o.answer.Headers),
		}},
		DynamicMetadata: &structpb.Struct{Fields: fields},
	}
}

// requestHeaders make a name's first value replace what the request has, and
// its further ones add to it.
func requestHeaders(headers []rego.Header) []*corev3.HeaderValueOption {
	options := denialHeaders(headers)
	for i, h := range headers {
		if nameBefore(headers[:i], h.Name) {
			//lint:ignore SA1019 the field that ext_authz of Envoy 1.40 was seen to read
			options[i].Append = wrapperspb.Bool(true)
		}
	}
	return options
}

// denialHeaders need no mark: Envoy takes every name off its own response
// first, and then adds each value.
func denialHeaders(headers []rego.Header) []*corev3.HeaderValueOption {
	if len(headers) == 0 {
		return nil
	}
	options := make([]*corev3.HeaderValueOption, len(headers))
	for i, h := range headers {
		options[i] = &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: h.Name, Value: h.Value}}
	}
	return options
}

// decisionValue is the decision's identity as metadata.
func decisionValue(d model.Decision) *structpb.Value {
	return structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
		"policy":     structpb.NewStringValue(d.Policy),
		"rule":       structpb.NewStringValue(d.Rule),
		"placement":  structpb.NewStringValue(string(d.Place)),
		"policySet":  structpb.NewStringValue(d.PolicySet),
		"decisionId": structpb.NewStringValue(d.DecisionID),
		"allowed":    structpb.NewBoolValue(d.Allowed),
		"reason":     structpb.NewStringValue(d.Reason),
	}})
}

// addMetadata adds the keys that are not there yet. KeyDecision is written
// after them: a policy cannot forge it.
func addMetadata(fields map[string]*structpb.Value, metadata map[string]any) {
	for key, value := range metadata {
		if _, taken := fields[key]; taken {
			continue
		}
		v, err := structpb.NewValue(value)
		if err != nil { // rego.Answer.Metadata holds nothing else
			continue
		}
		fields[key] = v
	}
}

// addedHeaders are added to what a response has.
func addedHeaders(headers []rego.Header) []*corev3.HeaderValueOption {
	if len(headers) == 0 {
		return nil
	}
	options := make([]*corev3.HeaderValueOption, len(headers))
	for i, h := range headers {
		options[i] = &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: h.Name, Value: h.Value},
			AppendAction: corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD,
		}
	}
	return options
}

func queryParameters(pairs []rego.Header) []*corev3.QueryParameter {
	if len(pairs) == 0 {
		return nil
	}
	out := make([]*corev3.QueryParameter, len(pairs))
	for i, p := range pairs {
		out[i] = &corev3.QueryParameter{Key: p.Name, Value: p.Value}
	}
	return out
}
