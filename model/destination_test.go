package model

import "testing"

func balanced(b Balance) *LoadBalancer { return &LoadBalancer{Balance: b} }

func TestPolicyForReplacesAsIstioDocuments(t *testing.T) {
	d := &DestinationPolicy{
		Policy: TrafficPolicy{LoadBalancer: balanced(Random), ConnectionPool: &ConnectionPool{MaxConnections: 1},
			ProxyProtocol: "V1", Ports: []PortPolicy{{Port: 80, Policy: TrafficPolicy{LoadBalancer: balanced(RoundRobin)}}}},
		Subsets: []Subset{
			{Name: "plain"},
			{Name: "own", Policy: &TrafficPolicy{ConnectionPool: &ConnectionPool{MaxConnections: 2},
				Ports: []PortPolicy{{Port: 81, Policy: TrafficPolicy{TLS: &ClientTLS{Mode: TLSSimple}}}}}},
		},
	}
	for _, c := range []struct {
		subset  string
		port    uint32
		balance Balance // "" is none
		max     uint32  // 0: no pool
		tls     bool
	}{
		{"", 1, Random, 1, false},
		{"", 80, RoundRobin, 0, false},
		{"plain", 80, RoundRobin, 0, false},
		{"own", 1, Random, 2, false},
		{"own", 80, RoundRobin, 2, false},
		{"own", 81, "", 0, true},
		{"unknown", 1, Random, 1, false},
	} {
		got := d.PolicyFor(c.subset, c.port)
		var balance Balance
		if got.LoadBalancer != nil {
			balance = got.LoadBalancer.Balance
		}
		var limit uint32
		if got.ConnectionPool != nil {
			limit = got.ConnectionPool.MaxConnections
		}
		if balance != c.balance || limit != c.max || (got.TLS != nil) != c.tls || got.ProxyProtocol != "V1" {
			t.Errorf("%q port %d: %+v", c.subset, c.port, got)
		}
	}
	var none *DestinationPolicy
	if got := none.PolicyFor("", 80); got.LoadBalancer != nil {
		t.Errorf("no policy gives %+v", got)
	}
}
