package snapshot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// authorization adds a policy, with the workloads that it is for.
func (d *draft) authorization(e *crds.Entry) {
	p := *e.Content.Authorization
	p.Rules = trustDomainsOf(d.snap.Mesh).rules(p.Rules)
	if len(p.Gateways)+len(p.Services) == 0 {
		p.Selector = d.selector(e, p.Selector)
	} else {
		d.attach(e, &p)
	}
	d.snap.Authorization = append(d.snap.Authorization, &p)
}

// attach finds the workloads of a policy's targets, which are of its own
// namespace, the root's, too.
func (d *draft) attach(e *crds.Entry, p *model.AuthorizationPolicy) {
	for _, name := range p.Gateways {
		p.Targets = append(p.Targets, model.Selector{Namespace: e.Ref.Namespace, Labels: map[string]string{model.GatewayNameLabel: name}})
	}
	for _, name := range p.Services {
		p.Targets = append(p.Targets, d.behind(name, e.Ref.Namespace)...)
	}
	if len(p.Services) > 0 {
		d.problem(e, model.Info, model.CodeNotSupported, "spec.targetRefs", "where that is too much, name ports in its rules",
			"there are no waypoints here: it is in force at the workloads behind the Service, for all of their ports")
	}
	if len(d.snap.Workloads) > 0 && !slices.ContainsFunc(d.snap.Workloads, p.Selects) {
		d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.targetRefs", "",
			"no workload is behind these Services, or has the label "+model.GatewayNameLabel+" with the name of one of these Gateways")
	}
}

// behind chooses the workloads of a service: those that a Kubernetes Service
// selects, else those that name it as theirs.
func (d *draft) behind(name, namespace string) []model.Selector {
	if s := d.kubeSlot(name, namespace); s != nil {
		if x := s.versions[0].Content.KubeService; x != nil && len(x.Select) > 0 {
			return []model.Selector{{Namespace: namespace, Labels: x.Select}}
		}
	}
	host := d.kubeKey(name, namespace).Host
	var out []model.Selector
	for _, w := range d.snap.Workloads {
		if w.Service == host && w.Namespace == namespace {
			out = append(out, model.Selector{Namespace: namespace, Labels: w.Labels})
		}
	}
	return out
}

func (d *draft) kubeSlot(name, namespace string) *slot {
	for _, s := range d.byKind["Service"] {
		if s.ref.Name == name && s.ref.Namespace == namespace {
			return s
		}
	}
	return nil
}

// attachedServices tells the Services that policies are attached to from what
// they were before.
func (d *draft) attachedServices() string {
	var out []string
	for _, s := range d.byKind["AuthorizationPolicy"] {
		p := s.versions[0].Content.Authorization
		if p == nil {
			continue
		}
		for _, name := range p.Services {
			if k := d.kubeSlot(name, s.ref.Namespace); k != nil {
				out = append(out, fmt.Sprintf("%s/%s=%s", k.ref.Namespace, name, k.versions[0].Version))
			}
		}
	}
	return strings.Join(out, ",")
}
