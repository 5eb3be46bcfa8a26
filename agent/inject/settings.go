package inject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
)

// settings are what a Pod's annotations, over the mesh's, ask of its sidecar.
type settings struct {
	config                    *meshv1alpha1.ProxyConfig
	image                     string
	logLevel, componentLevels string
	requests, limits          map[string]string
	native                    bool
	nativeSaid                bool
	readiness                 probe
	rewriteProbes             bool
	mergeMetrics              bool
	volumes, mounts           []any
	redirect                  []flagValue
	dnsCapture                bool
	env                       []env // for the agent, by what is changed in the Pod
}

// flagValue is one of `krater agent redirect`.
type flagValue struct{ flag, value string }

// The sidecar's share of its machine where nothing else is said.
const (
	defaultCPU, defaultMemory           = "100m", "128Mi"
	defaultCPULimit, defaultMemoryLimit = "2", "1Gi"
)

// readSettings reads them, with a Problem for each annotation that is not
// right, or that has no effect.
func (p *pod) readSettings() settings {
	s := settings{
		config: p.in.o.defaults(), image: p.in.o.Image,
		requests: map[string]string{}, limits: map[string]string{},
		readiness:     readyProbe(),
		rewriteProbes: !p.in.o.KeepProbes, mergeMetrics: !p.in.o.KeepMetrics,
	}
	given := p.read.Metadata.Annotations
	for _, a := range annotations {
		value, ok := given[a.name]
		if !ok || a.read == nil {
			continue
		}
		if err := a.read(&s, value); err != nil {
			p.annotation(a.name, model.Problem{Code: model.CodeInvalidValue, Message: err.Error()})
		}
	}
	p.proxyConfig(&s)
	if len(s.requests)+len(s.limits) == 0 {
		s.requests["cpu"], s.requests["memory"] = defaultCPU, defaultMemory
		s.limits["cpu"], s.limits["memory"] = defaultCPULimit, defaultMemoryLimit
	}
	p.unhonoured()
	p.place(&s)
	return s
}

// place decides whether the sidecar is a native one: where the Pod ends, since
// another would keep it from ending; where the application is to wait; and
// where the Pod has native sidecars of its own, which would start before it.
func (p *pod) place(s *settings) {
	kindOf := kind(p.object)
	ends := kindOf == "Job" || kindOf == "CronJob" || kindOf == "Pod" && text(p.template, "spec", "restartPolicy") != "" && text(p.template, "spec", "restartPolicy") != "Always"
	waits := s.config.GetHoldApplicationUntilProxyStarts().GetValue()
	others := slices.ContainsFunc(p.read.Spec.InitContainers, func(c containerForm) bool { return c.RestartPolicy == "Always" })
	if !s.nativeSaid {
		s.native = p.in.o.Native == NativeAlways || p.in.o.Native != NativeNever && (ends || waits || others)
	}
	if s.native {
		return
	}
	if ends {
		p.problem(p.template, "spec", model.Problem{Code: model.CodeNotInjected, Severity: model.Warning,
			Message: "it never ends: its sidecar goes on", Fix: "let the sidecar be native (Kubernetes 1.29 or later)"})
	}
	if waits {
		p.problem(p.template, "spec", model.Problem{Code: model.CodeNotSupported, Severity: model.Warning,
			Message: "holdApplicationUntilProxyStarts is not kept: only a native sidecar starts before the application", Fix: "let the sidecar be native (Kubernetes 1.29 or later)"})
	}
}

// families are the annotations that are meant for a sidecar.
func ofFamily(name string) bool {
	domain, _, ok := strings.Cut(name, "/")
	return ok && (domain == "sidecar.istio.io" || strings.HasSuffix(domain, ".sidecar.istio.io") ||
		slices.Contains([]string{"proxy.istio.io", "inject.istio.io", "prometheus.istio.io", "ambient.istio.io"}, domain) ||
		name == "istio.io/reroute-virtual-interfaces")
}

// honours tells whether an annotation has an effect.
func honours(name string) bool {
	return slices.ContainsFunc(annotations, func(a annotation) bool { return a.name == name })
}

// unhonoured tells of annotations that have no effect.
func (p *pod) unhonoured() {
	for _, name := range sortedNames(p.read.Metadata.Annotations) {
		why, isKnown := withoutEffect[name]
		switch {
		case !ofFamily(name) || honours(name):
		case isKnown:
			p.annotation(name, model.Problem{Code: model.CodeNotSupported, Severity: model.Warning, Message: "it has no effect: " + why})
		default:
			p.annotation(name, model.Problem{Code: model.CodeUnknownAnnotation, Severity: model.Warning, Message: "there is no such annotation; it has no effect"})
		}
	}
	for _, name := range []string{"istio.io/rev", "istio.io/dataplane-mode"} {
		if value, ok := p.read.Metadata.Labels[name]; ok && name == "istio.io/rev" {
			p.in.revision(p.d, p.object, strings.Join(append(p.path, "metadata.labels[istio.io/rev]"), "."), value)
		} else if ok && value != "none" {
			p.problem(p.template, "metadata.labels["+name+"]", model.Problem{Code: model.CodeNotSupported, Severity: model.Warning,
				Message: fmt.Sprintf("there is no %s mode: the Pod gets a sidecar", value)})
		}
	}
}

// misplaced tells of annotations that stand beside the Pod's template.
func (p *pod) misplaced() {
	if len(p.path) == 0 {
		return
	}
	at := find(p.object, "metadata", "annotations")
	for i := 0; at != nil && i+1 < len(at.Content); i += 2 {
		if name := at.Content[i].Value; ofFamily(name) {
			p.problem(p.object, "metadata.annotations["+name+"]", model.Problem{Code: model.CodeMisplaced, Severity: model.Warning,
				Message: "it has no effect here", Fix: "write it into " + strings.Join(p.path, ".") + ".metadata.annotations"})
		}
	}
}
