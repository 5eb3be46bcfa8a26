package crds

import (
	"net/netip"
	"strings"
	"time"

	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/krater-mesh/krater/model"
)

// MeshSpec is what a Mesh object declares: the settings of the mesh and, on
// one machine, what runs in it.
type MeshSpec struct {
	Domain     string                 `json:"domain"` // "cluster.local"
	MeshConfig *meshconfig.MeshConfig `json:"meshConfig"`
	Tracing    *MeshTracing           `json:"tracing"`
	AccessLog  MeshAccessLog          `json:"accessLog"`
	Filters    *MeshFilters           `json:"filters"`
	Fetch      *MeshFetch             `json:"fetch"`
	Denials    MeshDenials            `json:"denials"`
	Lowering   MeshLowering           `json:"lowering"`
	Local      MeshLocal              `json:"local"`
	Workloads  []MeshWorkload         `json:"workloads"`
	Gateways   []MeshGateway          `json:"gateways"`
}

// MeshTracing says how many requests are traced.
type MeshTracing struct {
	Sampling float64 `json:"sampling"` // percent
}

// MeshAccessLog can switch the log of all requests off.
type MeshAccessLog struct {
	Disabled bool `json:"disabled"`
}

// MeshDenials can tell refused requests which policy refused them.
type MeshDenials struct {
	Header bool   `json:"header"` // x-krater-denied-by
	Body   string `json:"body"`   // Text, JSON; empty: none
}

// MeshLowering bounds what RegoPolicies may take of a proxy that decides by
// them; what does not fit is asked.
type MeshLowering struct {
	Bytes      int64  `json:"bytes"`      // of configuration; 0: 2 MiB
	MainThread string `json:"mainThread"` // "50ms": of its main thread, when they come
}

// MeshLocal is for one machine.
type MeshLocal struct {
	Network string `json:"network"` // CIDR in 127.0.0.0/8 that workloads' addresses are from
}

// mainThread is 0 where nothing, or no duration, is written.
func (l MeshLowering) mainThread() model.Duration {
	d, _ := time.ParseDuration(l.MainThread)
	return model.Duration(d)
}

// DefaultMesh are the settings of a mesh that declares none.
func DefaultMesh() model.Mesh {
	return model.Mesh{Domain: "cluster.local", RootNamespace: "istio-system", TrustDomain: "cluster.local",
		Sampling: 1, AccessLog: true, Retries: DefaultRetries(), NormalizePath: true, Outbound: model.RegistryOnly, Network: "127.80.0.0/16"}
}

// Validate reports what is wrong with the settings; Fields start at spec.
func (s *MeshSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	if s.Domain != "" && !dnsName.MatchString(s.Domain) {
		r.bad("spec.domain", "%q is no domain", s.Domain)
	}
	if t := s.Tracing; t != nil && (t.Sampling < 0 || t.Sampling > 100) {
		r.bad("spec.tracing.sampling", "a percentage is from 0 to 100")
	}
	if n := s.Local.Network; n != "" {
		p, err := netip.ParsePrefix(n)
		if err != nil || !p.Addr().IsLoopback() || !p.Addr().Is4() || p.Bits() < 8 || p.Bits() > 28 {
			r.bad("spec.local.network", "want a network in 127.0.0.0/8 with a mask of 8 to 28 bits, got %q", n)
		}
	}
	if s.Filters != nil {
		s.Filters.validate(r)
	}
	r.oneOf(s.Denials.Body, "spec.denials.body", "", "Text", "JSON")
	if s.Lowering.Bytes < 0 {
		r.bad("spec.lowering.bytes", "it is a number of bytes")
	}
	if d := s.Lowering.MainThread; d != "" && s.Lowering.mainThread() <= 0 {
		r.bad("spec.lowering.mainThread", "want a duration such as 50ms, got %q", d)
	}
	if s.Fetch != nil {
		s.Fetch.validate(r)
	}
	s.validateNames(r)
	return r.problems
}

func (s *MeshSpec) validateNames(r *report) {
	seen := map[string]bool{}
	check := func(name, namespace, field string) {
		id := namespace + "/" + name
		switch {
		case name == "":
			r.missing(field+".name", "it has no name")
		case !dnsName.MatchString(name):
			r.bad(field+".name", "a name is lower case letters, digits, '-' and '.'")
		case seen[id]:
			r.add(model.Error, model.CodeDuplicateObject, field+".name", "", "%s is declared twice", id)
		}
		seen[id] = true
	}
	for i := range s.Workloads {
		w := &s.Workloads[i]
		check(w.Name, w.namespace(), index("spec.workloads", i))
		w.validate(r, index("spec.workloads", i))
	}
	for i := range s.Gateways {
		g := &s.Gateways[i]
		check(g.Name, g.namespace(s.rootNamespace()), index("spec.gateways", i))
		g.validate(r, index("spec.gateways", i))
	}
}

func (s *MeshSpec) rootNamespace() string {
	if n := s.MeshConfig.GetRootNamespace(); n != "" {
		return n
	}
	return DefaultMesh().RootNamespace
}

func convertMesh(c *conversion) Content {
	in := &MeshSpec{}
	if !c.read(in) {
		return Content{}
	}
	c.include(in.Validate())
	out := &Mesh{Settings: in.settings(c.object.Ref.Name)}
	c.meshConfig(in.MeshConfig, &out.Settings)
	if in.Tracing != nil { // Krater's own setting is the nearer one
		out.Settings.Sampling = in.Tracing.Sampling
	}
	for i := range in.Gateways {
		out.add(in.Gateways[i].workload(c.object, in.rootNamespace()), index("spec.gateways", i))
	}
	for i := range in.Workloads {
		out.add(in.Workloads[i].workload(c.object), index("spec.workloads", i))
	}
	return Content{Mesh: out}
}

func (m *Mesh) add(w model.Workload, field string) {
	m.Workloads, m.Fields = append(m.Workloads, w), append(m.Fields, field)
}

func (s *MeshSpec) settings(name string) model.Mesh {
	m := DefaultMesh()
	m.Name, m.RootNamespace, m.AccessLog, m.Modules = name, s.rootNamespace(), !s.AccessLog.Disabled, s.Filters.policy()
	m.Fetch = s.Fetch.policy()
	m.Lowering = model.LoweredBudget{Bytes: s.Lowering.Bytes, MainThread: s.Lowering.mainThread()}
	m.Denials = model.Denials{Header: s.Denials.Header, Body: model.DenialBody(s.Denials.Body)}
	if s.Domain != "" {
		m.Domain = strings.ToLower(s.Domain)
	}
	if s.Local.Network != "" {
		m.Network = s.Local.Network
	}
	if t := s.MeshConfig.GetTrustDomain(); t != "" {
		m.TrustDomain = t
	}
	return m
}
