package authz

import (
	"context"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/policyd/rego"
)

// Alone is how any Envoy is answered, that knows of no mesh.
type Alone struct {
	Policy string // that every check is about
	DryRun bool   // everything is allowed; what would have been is told
}

// checkAlone answers as OPA's Envoy plugin does: where there is no verdict the
// call fails, and the failure mode of the proxy's own filter decides.
func (s *Server) checkAlone(ctx context.Context, q question, in *rego.Input) (*authv3.CheckResponse, error) {
	q = question{decisionID: q.decisionID}
	o := s.decide(ctx, q, s.alone.Policy, in)
	switch f := o.answer.Failure; {
	case overloaded(o):
		return nil, errOverload
	case f != nil && f.Kind != rego.FailBody:
		return nil, status.Error(codes.Unknown, f.String())
	case s.alone.DryRun:
		return &authv3.CheckResponse{Status: &rpcstatus.Status{Code: int32(codes.OK)},
			HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}}}, nil
	case !o.answer.Allowed:
		return denied(o), nil
	}
	var all merged
	all.add(o)
	return all.response(), nil
}
