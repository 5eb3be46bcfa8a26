package controlplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// health is what the mesh thinks of an endpoint of the group's service; "" where there is none.
func (r *rig) health(address string) model.Health {
	for _, e := range r.now().endpoints {
		for _, x := range e.Endpoints {
			if x.Address == address {
				return x.Health
			}
		}
	}
	return ""
}

func (r *rig) untilHealth(address string, want model.Health) time.Duration {
	r.t.Helper()
	began := time.Now()
	for r.health(address) != want {
		if time.Since(began) > patience {
			r.t.Fatalf("%s never became %q: it is %q", address, want, r.health(address))
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

func (s stream) report(t *testing.T, why string) {
	t.Helper()
	req := &discovery.DeltaDiscoveryRequest{TypeUrl: typeHealth}
	if why != "" {
		req.ErrorDetail = &rpcstatus.Status{Message: why}
	}
	if err := s.Send(req); err != nil {
		t.Fatal(err)
	}
}

func TestAMemberOfAGroupRegistersItself(t *testing.T) {
	r := newRig(t, t.TempDir())
	c, node := r.member("10.9.0.7")
	s := r.stream(r.dial(c), node, serve.TypeListener)
	if res, err := s.Recv(); err != nil || len(res.GetResources()) == 0 {
		t.Fatalf("nothing is published for it: %v, %v", res, err)
	}
	p := proxy(r.until("it is of the mesh", func(s Status) bool { return proxy(s, node) != nil }), node)
	if !p.Elsewhere || p.Address != "10.9.0.7" || p.Connection == nil {
		t.Errorf("shown as %+v", p)
	}
	if fleet := r.Fleet(); len(fleet.Workloads) != 2 {
		t.Errorf("somebody else's workloads are to be started here: %v", fleet.Workloads)
	}
	r.untilHealth("10.9.0.7", model.Unhealthy) // its group has a probe, which has not been answered
	for _, step := range []struct {
		why  string
		want model.Health
	}{{"", model.Healthy}, {"connection refused", model.Unhealthy}, {"", model.Healthy}} {
		s.report(t, step.why)
		if took := r.untilHealth("10.9.0.7", step.want); took > time.Second {
			t.Errorf("%q took %s to be %s", step.why, took, step.want)
		}
	}
	s.end()
	r.until("it is gone", func(s Status) bool { return proxy(s, node) == nil })
	r.untilHealth("10.9.0.7", "")
}

func TestRegistrationAndHealthSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir)
	c, node := r.member("10.9.0.7")
	s := r.stream(r.dial(c), node, serve.TypeListener)
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	s.report(t, "")
	r.untilHealth("10.9.0.7", model.Healthy)
	r.end()

	r = newRig(t, dir)
	if got := r.health("10.9.0.7"); got != model.Healthy {
		t.Errorf("after the restart it is %q", got)
	}
	s = r.stream(r.dial(c), node, serve.TypeListener) // its certificate is of the same authority
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * r.o.Grace) // what would have removed it
	if got := r.health("10.9.0.7"); got != model.Healthy {
		t.Errorf("after the grace it is %q", got)
	}
	r.end()

	r = newRig(t, dir) // nobody comes back to this one
	r.untilHealth("10.9.0.7", "")
}

func TestAMemberEndsWithItsGroup(t *testing.T) {
	r := newRig(t, t.TempDir())
	c, node := r.member("10.9.0.7")
	s := r.stream(r.dial(c), node, serve.TypeListener)
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	without := theMesh[:strings.Index(theMesh, "---\napiVersion: networking.istio.io/v1\nkind: WorkloadGroup")]
	r.write("mesh/mesh.yaml", without)
	if _, err := s.Recv(); status.Code(err) != codes.PermissionDenied {
		t.Errorf("its stream ended with %v", err)
	}
	r.until("it is gone", func(s Status) bool { return proxy(s, node) == nil })
	if files, err := os.ReadDir(filepath.Join(r.dir, "registered")); err != nil || len(files) > 0 {
		t.Errorf("left: %v, %v", files, err)
	}
	if err := r.refusal(r.dial(c), node); status.Code(err) != codes.PermissionDenied {
		t.Errorf("another stream: %v", err)
	}
}

// The token of a group gives its members' names, and no other workload's.
func TestAGroupsTokenGivesItsMembersNames(t *testing.T) {
	r := newRig(t, t.TempDir())
	member, _ := r.member("10.9.0.7")
	for name, c := range map[string]struct {
		request authority.Request
		good    bool
	}{
		"a member, by the group's token":      {authority.Request{Claims: member.Claims, Group: "vm/db"}, true},
		"a member, by its certificate":        {authority.Request{Claims: member.Claims, Renewal: true}, true},
		"a member, by another group's":        {authority.Request{Claims: member.Claims, Group: "vm/cache"}, false},
		"a declared workload, by its own":     {authority.Request{Claims: r.credential("shop", "cart", "cart").Claims}, true},
		"a declared workload, by a group's":   {authority.Request{Claims: r.credential("shop", "cart", "cart").Claims, Group: "shop/cart"}, false},
		"a declared workload, other account":  {authority.Request{Claims: r.credential("shop", "cart", "db").Claims}, false},
		"a workload that nobody declares":     {authority.Request{Claims: r.credential("shop", "ghost", "default").Claims}, false},
		"the control plane, by a certificate": {authority.Request{Claims: r.credential("krater-system", "controlplane", "controlplane").Claims, Renewal: true}, false},
	} {
		if err := r.permit(c.request); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
