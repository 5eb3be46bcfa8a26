package snapshot

import (
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var gatewaysStep = step{
	name:  "gateways",
	kinds: []string{"Gateway"},
	reads: func(d *draft) []any { return []any{d.settings, listID(d.snap.Workloads), listID(d.snap.Secrets)} },
	run:   func(d *draft) { d.byCreation(d.gateway) }, // of two that conflict the older counts
	share: func(d *draft, p *Result) {
		d.snap.Gateways = shared(d.snap.Gateways, p.Snapshot.Gateways, func(v *model.Gateway) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.Gateways} },
}

// gateway adds a Gateway, and warns of ports that its workloads do not open.
func (d *draft) gateway(e *crds.Entry) {
	g := e.Content.Gateway
	if g == nil {
		return
	}
	d.snap.Gateways = append(d.snap.Gateways, g)
	var selected []model.Workload
	for _, w := range d.snap.Workloads {
		if w.Gateway && g.Selector.Matches(w) {
			selected = append(selected, w)
		}
	}
	if len(selected) == 0 {
		d.problem(e, model.Warning, model.CodeSelectsNothing, "spec.selector", "", "no gateway of the Mesh has these labels")
		return
	}
	d.gatewayCredentials(e, g)
	for i, s := range g.Servers {
		for _, w := range selected {
			if s.Port != 0 && !opens(w, s.Port) { // 0: a unix socket
				d.problem(e, model.Warning, model.CodeGatewayPort, item("spec.servers", i)+".port.number", "add it to the gateway's ports in the Mesh",
					"the gateway %s has no port %d: it does not serve this", w.ID(), s.Port)
			}
		}
	}
}

func opens(w model.Workload, port uint32) bool {
	return slices.ContainsFunc(w.Ports, func(p model.WorkloadPort) bool { return p.Number == port })
}

// gatewayCredentials warns of secrets that a gateway's namespace lacks.
func (d *draft) gatewayCredentials(e *crds.Entry, g *model.Gateway) {
	told := map[string]bool{}
	for _, w := range d.snap.Workloads {
		if !w.Gateway || !g.Selector.Matches(w) || told[w.Namespace] {
			continue
		}
		told[w.Namespace] = true
		for i, s := range g.Servers {
			if s.TLS != nil {
				d.serverCredentials(e, s.TLS, w.Namespace, item("spec.servers", i)+".tls")
			}
		}
	}
}

func (d *draft) serverCredentials(e *crds.Entry, t *model.ServerTLS, namespace, field string) {
	lacks := func(at, what, name string) {
		d.problem(e, model.Warning, model.CodeUnresolvedHost, field+at, "declare it in the namespace of the gateway's workload",
			"the namespace %s has no Secret %s with %s: the server accepts no connection", namespace, name, what)
	}
	for i, name := range t.Credentials {
		at := ".credentialName"
		if _, several := e.Lines[item(field+".credentialNames", i)]; several {
			at = item(".credentialNames", i)
		}
		if s := d.secretNamed(namespace, name); s == nil || len(s.Certificate) == 0 {
			lacks(at, "a certificate and its key", name)
		}
	}
	if t.Mode != model.TLSMutual && t.Mode != model.TLSOptionalMutual || t.InsecureSkipVerify {
		return
	}
	if t.CACredential != "" {
		if !d.hasAuthority(namespace, t.CACredential) {
			lacks(".caCertCredentialName", "a CA certificate", t.CACredential)
		}
	} else if len(t.Credentials) > 0 && !d.hasAuthority(namespace, t.Credentials[0]) {
		lacks(".credentialName", "a CA certificate", t.Credentials[0]+" or "+t.Credentials[0]+"-cacert")
	}
}

// hasAuthority looks as Istio does: in a Secret of its own first.
func (d *draft) hasAuthority(namespace, name string) bool {
	for _, n := range []string{name + "-cacert", name} {
		if s := d.secretNamed(namespace, n); s != nil && len(s.CA) > 0 {
			return true
		}
	}
	return false
}

// gatewayNamed finds a Gateway by "namespace/name", or by a name of one's own
// namespace.
func (d *draft) gatewayNamed(name, namespace string) (*model.Gateway, bool) {
	ns, n := model.ParseKey(name, namespace)
	for _, g := range d.snap.Gateways {
		if g.Object.Namespace == ns && g.Object.Name == n {
			return g, true
		}
	}
	return nil, false
}

// takes tells whether a gateway takes a host for routes of a namespace.
func takes(g *model.Gateway, host, namespace string) bool {
	for _, s := range g.Servers {
		for i, h := range s.Hosts {
			if (s.Namespaces[i] == "" || s.Namespaces[i] == namespace) && (model.HostMatches(h, host) || model.HostMatches(host, h)) {
				return true
			}
		}
	}
	return false
}
