package snapshot

import (
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// checkDestination reports what a DestinationRule names that is not there. A
// host that nothing has is an error, so that a slip of the pen leaves the last
// good rule in force; the rest may come later.
func (d *draft) checkDestination(e *crds.Entry, p model.DestinationPolicy) {
	if !strings.HasPrefix(p.Host, "*") {
		s, ok := d.service(p.Host, e.Ref.Namespace)
		if !ok {
			d.problem(e, model.Error, model.CodeUnknownTarget, "spec.host", d.hostLike(p.Host, e.Ref.Namespace), "no service has the host %s", p.Host)
		} else {
			d.checkSubsets(e, p, s)
			d.checkPolicyPorts(e, p.Policy, "spec.trafficPolicy", s)
			for i, subset := range p.Subsets {
				if subset.Policy != nil {
					d.checkPolicyPorts(e, *subset.Policy, item("spec.subsets", i)+".trafficPolicy", s)
				}
			}
		}
	} else if !d.covers(p.Host, e.Ref.Namespace) {
		d.problem(e, model.Warning, model.CodeUnknownTarget, "spec.host", "", "%s covers the host of no service", p.Host)
	}
	d.checkCredentials(e, p, p.Policy, "spec.trafficPolicy")
	for i, subset := range p.Subsets {
		if subset.Policy != nil {
			d.checkCredentials(e, p, *subset.Policy, item("spec.subsets", i)+".trafficPolicy")
		}
	}
}

// covers tells whether a wildcard stands for some service's host.
func (d *draft) covers(pattern, from string) bool {
	for host, list := range d.services {
		for _, s := range list {
			if s.VisibleTo(from) && model.HostMatches(pattern, host) {
				return true
			}
		}
	}
	return false
}

// checkSubsets warns of subsets that no endpoint is in.
func (d *draft) checkSubsets(e *crds.Entry, p model.DestinationPolicy, s model.Service) {
	for i, subset := range p.Subsets {
		found := false
		for _, ep := range d.endpoints[s.Key()] {
			found = found || model.HasLabels(ep.Labels, subset.Labels)
		}
		if !found {
			d.problem(e, model.Warning, model.CodeUnresolvedSubset, item("spec.subsets", i)+".labels", "",
				"no workload of %s has the labels of the subset %s: calls to it fail", s.Host, subset.Name)
		}
	}
}

func (d *draft) checkPolicyPorts(e *crds.Entry, p model.TrafficPolicy, field string, s model.Service) {
	for i, one := range p.Ports {
		if _, ok := s.PortNumbered(one.Port); !ok {
			d.problem(e, model.Warning, model.CodeUnresolvedHost, item(field+".portLevelSettings", i)+".port.number", portsOf(s),
				"%s has no port %d: these settings have no effect", s.Host, one.Port)
		}
	}
}

// checkCredentials warns of secrets that none of the callers' namespaces has.
func (d *draft) checkCredentials(e *crds.Entry, p model.DestinationPolicy, t model.TrafficPolicy, field string) {
	check := func(tls *model.ClientTLS, field string) {
		if tls != nil && tls.Credential != "" && !d.callerHasSecret(p, tls.Credential) {
			d.problem(e, model.Warning, model.CodeUnresolvedHost, field+".tls.credentialName", "declare it beside the workloads that call",
				"no namespace that the rule is for has a secret %s: calls fail", tls.Credential)
		}
	}
	check(t.TLS, field)
	for i, one := range t.Ports {
		check(one.Policy.TLS, item(field+".portLevelSettings", i))
	}
}

func (d *draft) callerHasSecret(p model.DestinationPolicy, name string) bool {
	for _, s := range d.snap.Secrets {
		if s.Object.Name == name && model.Exported(p.ExportTo, p.Object.Namespace, s.Object.Namespace) {
			return true
		}
	}
	return false
}
