package crds

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// MeshWorkload is a program of the mesh, started on this machine.
type MeshWorkload struct {
	Name           string            `json:"name"`
	Namespace      string            `json:"namespace"` // "default"
	Service        string            `json:"service"`   // label app, else the name
	Labels         map[string]string `json:"labels"`
	ServiceAccount string            `json:"serviceAccount"`
	Command        []string          `json:"command"`
	Env            map[string]string `json:"env"`
	Address        string            `json:"address"` // 127.x.y.z, assigned where empty; with redirect its machine's
	// Interception is "explicit-proxy", on this machine, or "redirect": it runs
	// on a machine of its own, whose kernel leads its traffic to its sidecar.
	Interception string             `json:"interception"`
	Locality     string             `json:"locality"` // "region/zone/subzone"; by the usual labels where empty
	Network      string             `json:"network"`  // likewise
	Ports        []MeshWorkloadPort `json:"ports"`
}

// MeshWorkloadPort is a port that a workload serves.
type MeshWorkloadPort struct {
	Name     string `json:"name"`
	Port     uint32 `json:"port"`
	Protocol string `json:"protocol"` // by the name's prefix where empty, else sniffed
	AppPort  uint32 `json:"appPort"`  // assigned where 0
}

// MeshGateway is a gateway proxy on this machine.
type MeshGateway struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"` // the root namespace
	Labels    map[string]string `json:"labels"`
	Address   string            `json:"address"`
	Locality  string            `json:"locality"`
	Network   string            `json:"network"`
	Ports     []MeshGatewayPort `json:"ports"`
}

// MeshGatewayPort is a Gateway server's port, and the one really bound.
type MeshGatewayPort struct {
	Port       uint32 `json:"port"`
	TargetPort uint32 `json:"targetPort"`
}

// The ports that every sidecar opens on its workload's address.
const (
	adminPort = 15000
	proxyPort = 15001
)

// redirectPorts are those that a sidecar and its agent take beside them, where
// traffic is redirected.
var redirectPorts = []uint32{15006, 15020, 15021, 15053}

func (w *MeshWorkload) namespace() string {
	if w.Namespace == "" {
		return DefaultNamespace
	}
	return w.Namespace
}

func (g *MeshGateway) namespace(root string) string {
	if g.Namespace == "" {
		return root
	}
	return g.Namespace
}

func (w *MeshWorkload) validate(r *report, field string) {
	if w.Namespace != "" && !dnsName.MatchString(w.Namespace) {
		r.bad(field+".namespace", "%q is no namespace", w.Namespace)
	}
	if s := w.Service; s != "" && (!dnsName.MatchString(s) || strings.Contains(s, ".")) {
		r.bad(field+".service", "%q is no service's short name", s)
	}
	w.validateInterception(r, field)
	validateLocality(r, w.Locality, field+".locality")
	numbers, words := map[uint32]bool{}, map[string]bool{}
	for i, p := range w.Ports {
		at := index(field+".ports", i)
		r.port(p.Port, at+".port")
		r.protocol(p.Protocol, p.Name, p.Port, at+".protocol")
		if p.AppPort > 65535 {
			r.port(p.AppPort, at+".appPort")
		}
		switch {
		case numbers[p.Port]:
			r.add(model.Error, model.CodePort, at+".port", "", "the port %d is given twice", p.Port)
		case p.Port == adminPort || p.Port == proxyPort || w.Interception == string(model.InterceptByRedirect) && slices.Contains(redirectPorts, p.Port):
			r.add(model.Error, model.CodePort, at+".port", "", "the sidecar itself takes port %d", p.Port)
		case p.Name != "" && words[p.Name]:
			r.bad(at+".name", "the name %s is given twice", p.Name)
		}
		numbers[p.Port], words[p.Name] = true, true
	}
}

// validateInterception checks the address, too: which ones are meant depends on
// how the sidecar gets traffic.
func (w *MeshWorkload) validateInterception(r *report, field string) {
	switch w.Interception {
	case "", string(model.InterceptByProxy):
		validateAddress(r, w.Address, field+".address")
		return
	case string(model.InterceptByRedirect):
	default:
		r.bad(field+".interception", "want explicit-proxy or redirect, got %q", w.Interception)
		return
	}
	if a, err := netip.ParseAddr(w.Address); err != nil || a.IsLoopback() || a.IsUnspecified() || a.Zone() != "" {
		r.bad(field+".address", "a workload whose traffic is redirected has the address of its machine, got %q", w.Address)
	}
	if len(w.Command) > 0 {
		r.bad(field+".command", "a workload whose traffic is redirected runs on a machine of its own: start it there")
	}
}

func (g *MeshGateway) validate(r *report, field string) {
	validateAddress(r, g.Address, field+".address")
	validateLocality(r, g.Locality, field+".locality")
	for i, p := range g.Ports {
		at := index(field+".ports", i)
		r.port(p.Port, at+".port")
		if p.TargetPort > 65535 {
			r.port(p.TargetPort, at+".targetPort")
		}
	}
}

func validateAddress(r *report, address, field string) {
	if address == "127.0.0.1" {
		r.bad(field, "applications listen on 127.0.0.1: a workload needs an address of its own")
	}
	if a, err := netip.ParseAddr(address); address != "" && (err != nil || !a.Is4() || !a.IsLoopback()) {
		r.bad(field, "want an address 127.x.y.z, got %q", address)
	}
}

func validateLocality(r *report, locality, field string) {
	if strings.Count(locality, "/") > 2 || strings.Contains(locality, "*") {
		r.bad(field, `want "region/zone/subzone", got %q`, locality)
	}
}

func (w *MeshWorkload) workload(o *Object) model.Workload {
	out := model.Workload{Object: o.Ref, Namespace: w.namespace(), Name: w.Name, Labels: maps.Clone(w.Labels),
		ServiceAccount: w.ServiceAccount, Address: w.Address, Interception: model.InterceptByProxy, Service: w.Service,
		Locality: localityOf(w.Locality, w.Labels), Network: networkOf(w.Network, w.Labels)}
	if out.ServiceAccount == "" {
		out.ServiceAccount = "default"
	}
	if out.Service == "" {
		out.Service = w.Labels["app"]
	}
	if out.Service == "" {
		out.Service = w.Name
	}
	redirected := w.Interception == string(model.InterceptByRedirect)
	if redirected {
		out.Interception = model.InterceptByRedirect
	}
	r := &report{object: o}
	for _, p := range w.Ports {
		if redirected && p.AppPort == 0 {
			p.AppPort = p.Port // it listens on the very port that callers mean
		}
		port := model.WorkloadPort{Number: p.Port, AppPort: p.AppPort, Name: p.Name, Protocol: r.protocol(p.Protocol, p.Name, p.Port, "")}
		if port.Name == "" {
			port.Name = strings.ToLower(string(port.Protocol)) + "-" + strconv.Itoa(int(p.Port))
		}
		out.Ports = append(out.Ports, port)
	}
	if len(w.Command) > 0 {
		out.Process = &model.Process{Command: w.Command, Env: w.Env, Dir: o.Dir()}
	}
	return out
}

func (g *MeshGateway) workload(o *Object, root string) model.Workload {
	out := model.Workload{Object: o.Ref, Namespace: g.namespace(root), Name: g.Name, Labels: g.Labels,
		ServiceAccount: g.Name, Address: g.Address, Gateway: true, Interception: model.InterceptByProxy,
		Locality: localityOf(g.Locality, g.Labels), Network: networkOf(g.Network, g.Labels)}
	for _, p := range g.Ports {
		bound := p.TargetPort
		if bound == 0 {
			bound = p.Port
			if bound < 1024 { // not everyone's to bind
				bound += 8000
			}
		}
		out.Ports = append(out.Ports, model.WorkloadPort{Number: p.Port, AppPort: bound,
			Name: "http-" + strconv.Itoa(int(p.Port)), Protocol: model.HTTP})
	}
	return out
}
