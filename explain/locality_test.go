package explain

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

func TestNearFollowsPlaces(t *testing.T) {
	eps := []model.Endpoint{{Address: "a1", Locality: "eu/a/1"}, {Address: "a2", Locality: "eu/a/2"}, {Address: "b", Locality: "eu/b"},
		{Address: "c", Locality: "us/c"}, {Address: "d", Locality: "asia/d", Labels: map[string]string{"version": "v1"}}}
	out, off := &model.OutlierDetection{}, false
	lb := func(l model.LocalityLB) *model.LoadBalancer {
		return &model.LoadBalancer{Balance: model.RoundRobin, Locality: &l}
	}
	for _, c := range []struct {
		name      string
		from      string
		unhealthy string
		policy    model.TrafficPolicy
		want      string
	}{
		{"without outlier detection: all", "eu/a/1", "", model.TrafficPolicy{}, "a1 a2 b c d"},
		{"the same subzone", "eu/a/1", "", model.TrafficPolicy{OutlierDetection: out}, "a1"},
		{"then the zone", "eu/a/1", "a1", model.TrafficPolicy{OutlierDetection: out}, "a2"},
		{"then the region", "eu/x", "", model.TrafficPolicy{OutlierDetection: out}, "a1 a2 b"},
		{"then anything", "eu/x", "a1 a2 b", model.TrafficPolicy{OutlierDetection: out}, "c d"},
		{"the region that takes over", "eu/x", "a1 a2 b", model.TrafficPolicy{OutlierDetection: out,
			LoadBalancer: lb(model.LocalityLB{Failover: []model.LocalityFailover{{From: "eu", To: "us"}}})}, "c"},
		{"too few healthy: the next, too", "eu/x", "a1 a2", model.TrafficPolicy{OutlierDetection: out}, "b c d"},
		{"labels before places", "eu/a/1", "", model.TrafficPolicy{OutlierDetection: out,
			LoadBalancer: lb(model.LocalityLB{FailoverPriority: []string{"version=v1"}})}, "d"},
		{"switched off", "eu/a/1", "", model.TrafficPolicy{OutlierDetection: out, LoadBalancer: lb(model.LocalityLB{Enabled: &off})}, "a1 a2 b c d"},
		{"shares", "eu/a/1", "", model.TrafficPolicy{LoadBalancer: lb(model.LocalityLB{Distribute: []model.LocalityShare{
			{From: "us/*", To: map[string]uint32{"*": 100}}, {From: "eu/*", To: map[string]uint32{"eu/a/*": 80, "us/*": 20, "eu/b": 0}}}})}, "a1 a2 c"},
	} {
		list := append([]model.Endpoint(nil), eps...)
		for i := range list {
			if strings.Contains(" "+c.unhealthy+" ", " "+list[i].Address+" ") {
				list[i].Health = model.Unhealthy
			}
		}
		var got []string
		for _, e := range near(list, model.Workload{Locality: c.from}, model.Mesh{}, c.policy) {
			if e.Health != model.Unhealthy {
				got = append(got, e.Address)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
}
