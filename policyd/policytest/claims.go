package policytest

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/policyd/rego"
)

// check is the question that Envoy would ask, with the claims of a token that
// it verified.
func (r Request) check(plain rego.Request, maxBody uint32) *authv3.CheckRequest {
	out := plain.CheckRequest(maxBody)
	if len(r.Claims) == 0 {
		return out
	}
	claims, err := structpb.NewStruct(r.Claims)
	if err != nil { // it came from YAML: every value is one of JSON's
		return out
	}
	out.Attributes.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
		"envoy.filters.http.jwt_authn": {Fields: map[string]*structpb.Value{"payload": structpb.NewStructValue(claims)}},
	}}
	return out
}
