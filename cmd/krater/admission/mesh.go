package admission

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/model"
)

// Mesh is who may ask for something: what a snapshot declares, less those who
// are denied. It is made anew for each snapshot, and never changes.
type Mesh struct {
	workloads map[string]model.Workload // by "namespace/name"
	groups    map[string][]*model.WorkloadGroup
}

// NewMesh is who a snapshot declares.
func NewMesh(s *model.Snapshot) *Mesh {
	m := &Mesh{workloads: make(map[string]model.Workload, len(s.Workloads)), groups: map[string][]*model.WorkloadGroup{}}
	for _, w := range s.Workloads {
		m.workloads[w.ID()] = w
	}
	for _, g := range s.Groups {
		m.groups[g.Object.Namespace] = append(m.groups[g.Object.Namespace], g)
	}
	return m
}

// Member is a holder of a certificate whom the mesh knows.
type Member struct {
	Claims identity.Claims
	Node   string               // its node id: "namespace/name", or a daemon's
	Group  *model.WorkloadGroup // of which it is a member; nil: it is declared by itself
	// Address is a group's member's, from its name.
	Address netip.Addr
}

// Daemon tells whether it is one of Krater's own.
func (m Member) Daemon() bool { return m.Claims.Namespace == identity.SystemNamespace }

// daemons are the node ids of Krater's own parts, by their names.
var daemons = map[string]string{identity.Policyd: model.NodePolicyd, identity.Collector: model.NodeCollector}

// Find tells who it is that a certificate speaks of. What it claims is true of
// the certificate; that is not enough: the mesh must declare such a workload,
// with that service account.
func (m *Mesh) Find(c identity.Claims) (Member, error) {
	if c.Namespace == identity.SystemNamespace {
		if node, ok := daemons[c.Workload]; ok && c == identity.System(c.TrustDomain, c.Workload) {
			return Member{Claims: c, Node: node}, nil
		}
		return Member{}, fmt.Errorf("the namespace %s is Krater's own, and has no %s of account %s", c.Namespace, c.Workload, c.ServiceAccount)
	}
	if g, address := m.group(c); g != nil {
		account := model.Workload{ServiceAccount: g.Template.ServiceAccount}.Identity("").ServiceAccount
		if account != c.ServiceAccount {
			return Member{}, fmt.Errorf("the WorkloadGroup %s has the service account %s, the certificate %s", g.Object.Key(), account, c.ServiceAccount)
		}
		return Member{c, c.ID(), g, address}, nil
	}
	w, ok := m.workloads[c.ID()]
	if !ok {
		return Member{}, fmt.Errorf("the mesh declares no workload %s", c.ID())
	}
	if account := w.Identity("").ServiceAccount; account != c.ServiceAccount {
		return Member{}, fmt.Errorf("the workload %s has the service account %s, the certificate %s", c.ID(), account, c.ServiceAccount)
	}
	return Member{Claims: c, Node: c.ID()}, nil
}

// group is the WorkloadGroup of which the name makes it a member, unless a
// workload of that name is declared by itself.
func (m *Mesh) group(c identity.Claims) (*model.WorkloadGroup, netip.Addr) {
	if w, ok := m.workloads[c.ID()]; ok && w.Group == "" {
		return nil, netip.Addr{}
	}
	for _, g := range m.groups[c.Namespace] {
		if a, ok := address(g.Object.Name, c.Workload); ok {
			return g, a
		}
	}
	return nil, netip.Addr{}
}

// address reads a member's address from its name, GROUP-ADDRESS. No two
// groups can both read one name: an address has four parts, or eight.
func address(group, name string) (netip.Addr, bool) {
	rest, ok := strings.CutPrefix(name, group+"-")
	if !ok {
		return netip.Addr{}, false
	}
	for _, separator := range []string{".", ":"} {
		a, err := netip.ParseAddr(strings.ReplaceAll(rest, "-", separator))
		if err == nil && model.MemberName(group, a) == name {
			return a, true
		}
	}
	return netip.Addr{}, false
}
