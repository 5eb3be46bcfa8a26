package explain

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// guarded is a mesh where only page may call api, which takes what mode says.
func guarded(mode model.MTLSMode) (*model.Snapshot, model.Endpoints) {
	port := []model.WorkloadPort{{Number: 9080, AppPort: 1, Name: "http", Protocol: model.HTTP}}
	api := model.Workload{Namespace: "shop", Name: "api-v1", Address: "127.80.0.3", Ports: port, Service: "api.shop.svc.cluster.local"}
	s := &model.Snapshot{
		Mesh: model.Mesh{RootNamespace: "istio-system", TrustDomain: "td", Outbound: model.RegistryOnly},
		Workloads: []model.Workload{
			api,
			{Namespace: "shop", Name: "page-v1", ServiceAccount: "page", Address: "127.80.0.2"},
			{Namespace: "shop", Name: "other", Address: "127.80.0.4"},
		},
		Services: []*model.Service{{Host: "api.shop.svc.cluster.local", Namespace: "shop", Name: "api", Resolution: model.ResolutionStatic,
			Ports: []model.Port{{Number: 9080, Name: "http", Protocol: model.HTTP}}}},
		PeerAuthentications: []*model.PeerAuthentication{{Object: model.Ref{Namespace: "istio-system", Name: "mesh"}, Mode: mode}},
		Authorization: []*model.AuthorizationPolicy{{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "shop", Name: "only-page"},
			Selector: model.Selector{Namespace: "shop"}, Action: model.Allow,
			Rules: []model.AuthorizationRule{{From: []model.Source{{ServiceAccounts: []string{"shop/page"}}}}}}},
	}
	s.Seal()
	return s, model.Endpoints{{Service: s.Services[0].Key(), Endpoints: []model.Endpoint{
		{Address: api.Address, Workload: "shop/api-v1", Health: model.Healthy, Weight: 1, MTLS: mode != model.MTLSDisable}}}}
}

func TestCallersAreKnownWhereTheHopIsMutual(t *testing.T) {
	off := &model.TrafficPolicy{TLS: &model.ClientTLS{Mode: model.TLSDisable}}
	on := &model.TrafficPolicy{TLS: &model.ClientTLS{Mode: model.TLSIstioMutual}}
	for name, c := range map[string]struct {
		mode   model.MTLSMode
		rule   *model.TrafficPolicy
		from   string
		status uint32
		why    string
	}{
		"its account is allowed":          {model.MTLSPermissive, nil, "page-v1", 200, ""},
		"another's is not":                {model.MTLSPermissive, nil, "other", 403, "no ALLOW rule matches"},
		"nobody's is not":                 {model.MTLSDisable, nil, "page-v1", 403, "no ALLOW rule matches"},
		"plain text by the caller's rule": {model.MTLSPermissive, off, "page-v1", 403, "no ALLOW rule matches"},
		"plain text where it is refused":  {model.MTLSStrict, off, "page-v1", 503, "takes mutual TLS only"},
		"mutual TLS where it is not":      {model.MTLSDisable, on, "page-v1", 503, "takes no mutual TLS"},
	} {
		s, eps := guarded(c.mode)
		if c.rule != nil {
			s.Destinations = []*model.DestinationPolicy{{Object: model.Ref{Namespace: "shop", Name: "api"}, Host: s.Services[0].Host, Policy: *c.rule}}
			s.Seal()
		}
		x, err := Explain(s, eps, nil, Request{From: c.from, Host: "api.shop.svc.cluster.local:9080", Path: "/"})
		if err != nil {
			t.Fatal(err)
		}
		if v := x.Outcomes[0].Verdict; v.Status != c.status || !strings.Contains(v.Reason, c.why) {
			t.Errorf("%s: %d %s", name, v.Status, v.Reason)
		}
	}
}

func TestAWorkloadHasNoOtherPrincipal(t *testing.T) {
	s, eps := guarded(model.MTLSStrict)
	_, err := Explain(s, eps, nil, Request{From: "page-v1", Host: "api.shop.svc.cluster.local:9080", Path: "/", Principal: "td/ns/a/sa/b"})
	if err == nil {
		t.Error("a workload is explained as somebody else")
	}
}
