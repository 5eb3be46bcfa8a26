package inject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// ProxyUID is the user that agent and Envoy run as: what it sends is not
// redirected.
const ProxyUID = 1337

// Ports of the sidecar that others in and outside of the Pod ask.
const (
	statusPort  = 15021
	metricsPort = 15020 // the application's probes, too
)

// taken are ports that the sidecar listens on.
var taken = map[int]bool{15000: true, 15001: true, 15006: true, 15053: true, statusPort: true, metricsPort: true}

// check tells of what would go round the sidecar, or be in its way.
func (p *pod) check() {
	p.checkUser(p.read.Spec.SecurityContext, "spec.securityContext.runAsUser", "its containers")
	for _, list := range []struct {
		field      string
		containers []containerForm
	}{{"containers", p.read.Spec.Containers}, {"initContainers", p.read.Spec.InitContainers}} {
		for i, c := range list.containers {
			field := fmt.Sprintf("spec.%s[%d]", list.field, i)
			p.checkUser(c.SecurityContext, field+".securityContext.runAsUser", c.Name)
			for j, port := range c.Ports {
				if taken[port.ContainerPort] {
					p.problem(p.template, fmt.Sprintf("%s.ports[%d]", field, j), model.Problem{Code: model.CodePort, Severity: model.Warning,
						Message: fmt.Sprintf("port %d is the sidecar's", port.ContainerPort), Fix: "let the application use another"})
				}
			}
			for j, m := range c.VolumeMounts {
				if ours[m.Name] {
					p.problem(p.template, fmt.Sprintf("%s.volumeMounts[%d]", field, j), model.Problem{Code: model.CodeInvalidValue, Message: "the volume " + m.Name + " is the sidecar's: it has its key"})
				}
			}
			if c.Name == InitName {
				p.problem(p.template, field+".name", model.Problem{Code: model.CodeInvalidValue, Message: "the name " + InitName + " is the redirection's"})
			}
		}
	}
	if p.read.Spec.ShareProcesses {
		p.problem(p.template, "spec.shareProcessNamespace", model.Problem{Code: model.CodeProxyUser, Severity: model.Warning,
			Message: "what runs as root in the Pod sees the sidecar's process, and so its key", Fix: "let no container run as root, or share no processes"})
	}
	if len(p.read.Spec.Containers) == 0 {
		p.problem(p.template, "spec.containers", model.Problem{Code: model.CodeMissing, Message: "there are no containers"})
	}
	for i, v := range p.read.Spec.Volumes {
		if ours[v.Name] {
			p.problem(p.template, fmt.Sprintf("spec.volumes[%d].name", i), model.Problem{Code: model.CodeInvalidValue, Message: "the name " + v.Name + " is the sidecar's"})
		}
	}
	if p.in.o.ControlPlane == "" && p.settings.config.GetDiscoveryAddress() == "" {
		p.problem(p.template, "", model.Problem{Code: model.CodeMissing, Message: "no control plane is known", Fix: "give --control-plane HOST:PORT"})
	}
}

func (p *pod) checkUser(c securityContext, field, who string) {
	if c.Capabilities != nil && (slices.Contains(c.Capabilities.Add, "NET_ADMIN") || slices.Contains(c.Capabilities.Add, "ALL")) || c.Privileged != nil && *c.Privileged {
		p.problem(p.template, strings.TrimSuffix(field, ".runAsUser"), model.Problem{Code: model.CodeProxyUser, Severity: model.Warning,
			Message: who + " may change the Pod's network, and so take its redirection away", Fix: "give it neither NET_ADMIN nor privileged"})
	}
	if c.RunAsUser == ProxyUID || c.RunAsGroup == ProxyUID {
		p.problem(p.template, field, model.Problem{Code: model.CodeProxyUser, Severity: model.Warning,
			Message: fmt.Sprintf("%s would run as user or group %d, which is the sidecar's: what it sends goes round the sidecar", who, ProxyUID), Fix: "let the application run as another user"})
	}
}
