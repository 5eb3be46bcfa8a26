package authz

import (
	"context"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/policyd/rego"
)

// KeyShadow is where the decisions of policies in shadow are in the dynamic
// metadata of envoy.filters.http.ext_authz: a list of structs as KeyDecision's.
const KeyShadow = "krater_shadow"

// shadowed asks every policy, whatever the others say. Its response changes
// nothing of the request: it only tells.
func (s *Server) shadowed(ctx context.Context, q question, in *rego.Input) *authv3.CheckResponse {
	told := &structpb.ListValue{}
	for _, name := range q.policies {
		o := s.decide(ctx, q, name, in)
		told.Values = append(told.Values, decisionValue(o.decision))
	}
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}},
		DynamicMetadata: &structpb.Struct{Fields: map[string]*structpb.Value{
			KeyShadow: structpb.NewListValue(told),
		}},
	}
}
