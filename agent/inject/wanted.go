package inject

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Names of what is added. What has these names already is injected.
const (
	SidecarName = "krater-proxy"
	InitName    = "krater-init"
	istioName   = "istio-proxy"

	injectName = "sidecar.istio.io/inject"
	statusName = "sidecar.istio.io/status"
)

// wanted tells whether the Pod is to have a sidecar. Every Pod is, that does
// not say otherwise; why one gets none is an Info, since it is then outside of
// the mesh.
func (p *pod) wanted() bool {
	why := ""
	enabled, said := p.in.namespaces[p.in.namespace(p.object)]
	choice, field := p.choice()
	switch {
	case p.has(SidecarName):
		return p.skip("spec.containers", "it has its sidecar already")
	case p.has(istioName):
		p.problem(p.template, "spec.containers", model.Problem{Code: model.CodeInvalidValue,
			Message: "it has Istio's sidecar, or a container of its name", Fix: "inject what Istio has not injected; the sidecar's own settings are annotations"})
		return false
	case said && !enabled:
		why = "its Namespace has istio-injection: disabled"
	case choice == "":
	case !known(choice):
		p.problem(p.template, field, model.Problem{Code: model.CodeInvalidValue, Message: "want true or false, not " + choice})
		return false
	case !yes(choice):
		why = "it says " + injectName + ": " + choice
	}
	if p.read.Spec.HostNetwork && why == "" {
		why, field = "it uses its host's network, whose traffic would be redirected whole", "spec.hostNetwork"
	}
	if why != "" {
		return p.skip(field, "it gets no sidecar: "+why)
	}
	return true
}

func (p *pod) skip(field, why string) bool {
	p.problem(p.template, field, model.Problem{Code: model.CodeNotInjected, Severity: model.Info, Message: why})
	return false
}

// choice is what the Pod says itself: its label counts before its annotation.
func (p *pod) choice() (value, field string) {
	if v, ok := p.read.Metadata.Labels[injectName]; ok {
		return v, "metadata.labels[" + injectName + "]"
	}
	if v, ok := p.read.Metadata.Annotations[injectName]; ok {
		return v, "metadata.annotations[" + injectName + "]"
	}
	return "", ""
}

// has tells whether the Pod has a container of a name.
func (p *pod) has(name string) bool {
	for _, list := range [][]containerForm{p.read.Spec.Containers, p.read.Spec.InitContainers} {
		for _, c := range list {
			if c.Name == name {
				return true
			}
		}
	}
	return false
}

// yes knows YAML's words for true, as Kubernetes' users write them.
func yes(word string) bool {
	switch strings.ToLower(word) {
	case "y", "yes", "true", "on":
		return true
	}
	return false
}

func known(word string) bool {
	switch strings.ToLower(word) {
	case "n", "no", "false", "off":
		return true
	}
	return yes(word)
}
