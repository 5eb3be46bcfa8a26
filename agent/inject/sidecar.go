package inject

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
)

// Where the sidecar finds what is its own.
const (
	stateDir = "/var/lib/krater"
	tokenDir = "/var/run/secrets/krater/token"
	rootDir  = "/var/run/secrets/krater/root"
)

var truly, never = true, false

// containers adds the sidecar, and what redirects to it. A native sidecar comes
// first, so that the Pod's init containers are in the mesh, too; another one
// starts after them, so traffic is redirected once they have ended.
func (p *pod) containers() error {
	spec, err := child(p.template, "spec", yaml.MappingNode)
	if err != nil {
		return err
	}
	list, err := child(spec, "containers", yaml.SequenceNode)
	if err != nil {
		return err
	}
	var starting []container
	if p.redirects() {
		starting = append(starting, p.redirection())
	}
	if p.settings.native {
		starting = append(starting, p.sidecar())
	} else if err := add(list, false, p.sidecar()); err != nil {
		return err
	}
	if len(starting) == 0 {
		return nil
	}
	init, err := child(spec, "initContainers", yaml.SequenceNode)
	if err != nil {
		return err
	}
	return add(init, p.settings.native, starting...)
}

func (p *pod) redirects() bool {
	return p.settings.config.InterceptionMode != meshv1alpha1.ProxyConfig_NONE
}

// sidecar is the agent, which starts Envoy.
func (p *pod) sidecar() container {
	s := p.settings
	c := container{
		Name:  SidecarName,
		Image: s.image,
		Args:  p.agentArgs(),
		Ports: []containerPort{
			{Name: "http-envoy-prom", ContainerPort: envoyPort, Protocol: "TCP"},
			{Name: "krater-metrics", ContainerPort: metricsPort, Protocol: "TCP"},
			{Name: "krater-status", ContainerPort: statusPort, Protocol: "TCP"},
		},
		Env:             append(identityEnv(), s.env...),
		ReadinessProbe:  &s.readiness,
		StartupProbe:    startupProbe(),
		Resources:       resources{s.requests, s.limits},
		SecurityContext: proxyUser(),
		VolumeMounts: append([]any{
			mount{Name: stateVolume, MountPath: stateDir},
			mount{Name: tokenVolume, MountPath: tokenDir, ReadOnly: true},
			mount{Name: rootVolume, MountPath: rootDir, ReadOnly: true},
			mount{Name: podVolume, MountPath: "/etc/krater/pod", ReadOnly: true},
		}, s.mounts...),
	}
	if s.native {
		c.RestartPolicy = "Always"
	}
	return c
}

// identityEnv is what Kubernetes alone knows of a Pod before it runs.
func identityEnv() []env {
	var out []env
	for _, e := range [][2]string{
		{"POD_NAME", "metadata.name"}, {"POD_NAMESPACE", "metadata.namespace"}, {"POD_IP", "status.podIP"},
		{"SERVICE_ACCOUNT", "spec.serviceAccountName"}, {"NODE_NAME", "spec.nodeName"},
	} {
		out = append(out, env{Name: e[0], ValueFrom: &valueFrom{fieldRef{e[1]}}})
	}
	return out
}

// proxyUser may do nothing but run: the sidecar needs no right on its machine.
func proxyUser() *securityContext {
	return &securityContext{
		AllowPrivilegeEscalation: &never, Capabilities: &capabilities{Drop: []string{"ALL"}}, Privileged: &never, ReadOnlyRootFilesystem: &truly,
		RunAsGroup: ProxyUID, RunAsNonRoot: &truly, RunAsUser: ProxyUID, SeccompProfile: &seccomp{"RuntimeDefault"},
	}
}

// redirection sets the Pod's rules, and ends.
func (p *pod) redirection() container {
	return container{
		Name:  InitName,
		Image: p.settings.image,
		Args:  p.redirectArgs(),
		Resources: resources{
			Requests: map[string]string{"cpu": "10m", "memory": "32Mi"},
			Limits:   map[string]string{"cpu": "1", "memory": "128Mi"},
		},
		SecurityContext: &securityContext{
			AllowPrivilegeEscalation: &never, Capabilities: &capabilities{Add: []string{"NET_ADMIN", "NET_RAW"}, Drop: []string{"ALL"}},
			Privileged: &never, ReadOnlyRootFilesystem: &truly, RunAsGroup: 0, RunAsNonRoot: &never, RunAsUser: 0,
		},
	}
}

// readyProbe asks the agent whether Envoy has its first configuration.
func readyProbe() probe {
	return probe{HTTPGet: httpGet{"/healthz/ready", statusPort}, PeriodSeconds: 15, TimeoutSeconds: 3, FailureThreshold: 4}
}

// startupProbe asks often at first: a native sidecar holds the application
// until it succeeds, for ten minutes at most.
func startupProbe() *probe {
	return &probe{HTTPGet: httpGet{"/healthz/ready", statusPort}, PeriodSeconds: 1, TimeoutSeconds: 3, FailureThreshold: 600}
}

// agentArgs is the sidecar's command line.
func (p *pod) agentArgs() []string {
	s := p.settings
	to := p.in.o.ControlPlane
	if s.config.DiscoveryAddress != "" {
		to = s.config.DiscoveryAddress
	}
	out := []string{
		"agent", "--control-plane", to, "--trust-domain", p.in.o.TrustDomain,
		"--namespace", "$(POD_NAMESPACE)", "--name", "$(POD_NAME)", "--service-account", "$(SERVICE_ACCOUNT)", "--address", "$(POD_IP)",
		"--token", tokenDir + "/krater-token", "--root", rootDir + "/root-cert.pem", "--state", stateDir,
		"--status-address", "0.0.0.0", // the kubelet asks from outside of the Pod
	}
	if c := s.config.GetConcurrency(); c != nil {
		out = append(out, "--concurrency", strconv.Itoa(int(c.Value)))
	}
	if d := s.config.GetTerminationDrainDuration(); d != nil {
		out = append(out, "--drain", d.AsDuration().String())
	}
	if s.logLevel != "" {
		out = append(out, "--envoy-log-level", s.logLevel)
	}
	if s.componentLevels != "" {
		out = append(out, "--envoy-component-log-level", s.componentLevels)
	}
	if p.redirects() {
		out = append(out, "--interception", "redirect")
	}
	return out
}

// redirectArgs is the init container's command line. What asks the sidecar
// itself is never redirected: its status and metrics ports by themselves.
func (p *pod) redirectArgs() []string {
	uid, own := strconv.Itoa(ProxyUID), strconv.Itoa(envoyPort)
	out := []string{"agent", "redirect", "--up", "--uid", uid, "--gid", uid}
	excluded := own
	for _, f := range p.settings.redirect {
		if f.flag == excludeInbound {
			excluded = strings.TrimSuffix(own+","+f.value, ",")
			continue
		}
		out = append(out, f.flag, f.value)
	}
	out = append(out, excludeInbound, excluded)
	if p.settings.dnsCapture {
		out = append(out, "--dns")
	}
	return out
}
