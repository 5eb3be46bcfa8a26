package translate

import (
	"regexp"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// An "@" value is an address whose workload the collector knows, or, after
// "@value:", a value that may be absent.
const (
	addressedWorkload  = "@%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
	addressedNamespace = "@namespace:%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
)

// end is one end of a call as one proxy knows it: how each attribute of it is
// written.
type end struct {
	workload, namespace, principal, account, version string
	label                                            func(key string) string
}

// meshFormat is how an attribute that depends on where the proxy stands is
// written: its own workload it knows, the other end's it is told.
func (p *proxy) meshFormat(name string, c chain) (string, bool) {
	if name == "mesh.reporter" {
		return c.reporter(), true
	}
	if f, ok := p.serviceFormat(name, c); ok {
		return f, true
	}
	source, destination := p.own(), upstream
	if c.direction == inbound {
		source, destination = callerOn(c), p.own()
	}
	side, rest, _ := strings.Cut(name, ".")
	switch side {
	case "source":
		return source.format(rest)
	case "destination":
		return destination.format(rest)
	}
	return "", false
}

var labelOf = regexp.MustCompile(`^labels\[(?:'([-._/A-Za-z0-9]+)'|"([-._/A-Za-z0-9]+)")\]$`)

func (e end) format(name string) (string, bool) {
	switch name {
	case "workload.name":
		return e.workload, true
	case "workload.namespace", "namespace":
		return e.namespace, true
	case "principal":
		return e.principal, true
	case "service_account":
		return e.account, true
	case "version":
		return e.version, true
	}
	if m := labelOf.FindStringSubmatch(name); m != nil {
		return e.label(m[1] + m[2]), true
	}
	return "", false
}

// own is this proxy's workload.
func (p *proxy) own() end {
	id := p.w.Identity(p.mesh.TrustDomain)
	principal := id.Principal()
	if p.opt.NoIdentity {
		principal = unknown
	}
	return end{
		workload: literal(p.w.Name), namespace: literal(p.w.Namespace), principal: literal(principal), account: literal(id.ServiceAccount),
		version: orUnknown(literal(model.Version(p.w.Labels))),
		label:   func(key string) string { return orUnknown(literal(p.w.Labels[key])) },
	}
}

func orUnknown(text string) string {
	if text == "" {
		return unknown
	}
	return text
}

// callerOn is who calls, where requests arrive: what the certificate says, and,
// for labels, what the caller's proxy says. Without a certificate it is whoever
// has the address.
func callerOn(c chain) end {
	if !c.mtls {
		return end{workload: addressedWorkload, namespace: addressedNamespace, principal: unknown, account: unknown, version: unknown,
			label: func(string) string { return unknown }}
	}
	told := func(path string) string {
		return "@value:%DYNAMIC_METADATA(" + metadataPeer + ":" + peerKey + ":" + path + ")%"
	}
	return end{workload: state(stateWorkload), namespace: state(stateNamespace), principal: state(statePrincipal), account: state(stateAccount),
		version: told("version"), label: func(key string) string { return told("labels:" + key) }}
}

// upstream is who is called: what the endpoint's metadata says, and whom the
// certificate names.
var upstream = end{
	workload: told("workload"), namespace: told("namespace"), account: told("service_account"), version: told("version"),
	principal: "@principal:%UPSTREAM_PEER_URI_SAN%",
	label:     func(key string) string { return told("labels:" + key) },
}

// told is a value of the endpoint's metadata.
func told(path string) string {
	return "@value:%UPSTREAM_METADATA(" + metadataNamespace + ":" + path + ")%"
}

// serviceFormat is the same for the service that is called.
func (p *proxy) serviceFormat(name string, c chain) (string, bool) {
	own, ownNamespace, _ := strings.Cut(p.w.Service, ".")
	ownNamespace, _, _ = strings.Cut(ownNamespace, ".")
	here, there := "", ""
	switch name {
	case "destination.service.host":
		here, there = p.w.Service, "%METADATA(CLUSTER:krater:host)%"
	case "destination.service.name":
		here, there = own, "%METADATA(CLUSTER:krater:name)%"
	case "destination.service.namespace":
		here, there = ownNamespace, "%METADATA(CLUSTER:krater:namespace)%"
	default:
		return "", false
	}
	if c.direction == inbound {
		return literal(here), true
	}
	return there, true
}
