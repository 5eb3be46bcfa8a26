package policycases

import (
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/policyd/rego"
)

// Input is the request as policyd has it, when it is told so many bytes of the body.
func (r Request) Input(maxBody uint32) (*rego.Input, error) {
	plain, err := r.Plain()
	if err != nil {
		return nil, err
	}
	check, err := r.Check(maxBody)
	if err != nil {
		return nil, err
	}
	return rego.NewInput(check, plain.Declared...), nil
}

// Check is what Envoy's ext_authz filter asks for the request, when it is told
// to send so many bytes of the body.
func (r Request) Check(maxBody uint32) (*authv3.CheckRequest, error) {
	plain, err := r.Plain()
	if err != nil {
		return nil, err
	}
	if r.Normalized != "" {
		plain.Path = r.Normalized
	}
	check := plain.CheckRequest(maxBody)
	if r.SNI != "" {
		check.Attributes.TlsSession = &authv3.AttributeContext_TLSSession{Sni: r.SNI}
	}
	if r.Claims == nil {
		return check, nil
	}
	payload, err := structpb.NewStruct(r.Claims)
	if err != nil {
		return nil, fmt.Errorf("reading the claims: %w", err)
	}
	check.Attributes.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
		"envoy.filters.http.jwt_authn": {Fields: map[string]*structpb.Value{"payload": structpb.NewStructValue(payload)}},
	}}
	return check, nil
}
