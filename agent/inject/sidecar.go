package inject

import (
	"strconv"

	"go.yaml.in/yaml/v3"
	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
)

// Where the sidecar finds what is its own.
const (
	stateVolumeDir = "/var/lib/krater"
	// Everybody may write into a volume itself; the agent makes this for itself.
	stateDir = stateVolumeDir + "/state"
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
			{Name: "krater-metrics", ContainerPort: metricsPort, Protocol: "TCP"},
			{Name: "krater-status", ContainerPort: statusPort, Protocol: "TCP"},
		},
		Env:             append(identityEnv(), s.env...),
		ReadinessProbe:  &s.readiness,
		StartupProbe:    startupProbe(),
		Resources:       resources{s.requests, s.limits},
		SecurityContext: proxyUser(),
		VolumeMounts: append([]any{
			mount{Name: stateVolume, MountPath: stateVolumeDir},
			mount{Name: tokenVolume, MountPath: tokenDir, ReadOnly: true},
			mount{Name: rootVolume, MountPath: rootDir, ReadOnly: true},
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
	o := p.in.o
	out := []string{
		"agent", "--state", stateDir, "--workload", "$(POD_NAMESPACE)/$(POD_NAME)", "--address", "$(POD_IP)",
		"--controlplane", to, "--trust-domain", o.TrustDomain, "--token", tokenDir + "/krater-token", "--root", rootDir + "/root-cert.pem",
		"--status-address", "0.0.0.0", // the kubelet asks from outside of the Pod
	}
	for _, part := range [][2]string{{"--policyd", o.Policyd}, {"--otlp", o.OTLP}, {"--als", o.ALS}, {"--log-level", s.logLevel}, {"--component-log-level", s.componentLevels}} {
		if part[1] != "" {
			out = append(out, part[0], part[1])
		}
	}
	if c := s.config.GetConcurrency(); c != nil {
		out = append(out, "--concurrency", strconv.Itoa(int(c.Value)))
	}
	if d := s.config.GetTerminationDrainDuration(); d != nil {
		out = append(out, "--drain", d.AsDuration().String())
	}
	return out
}

// redirectArgs is the init container's command line. The sidecar's own ports
// are never redirected, and a Pod has no SSH to be left out, which is the
// command's default.
func (p *pod) redirectArgs() []string {
	uid := strconv.Itoa(ProxyUID)
	out := []string{"agent", "redirect", "--up", "--uid", uid, "--gid", uid}
	excluded := false
	for _, f := range p.settings.redirect {
		out = append(out, f.flag, f.value)
		excluded = excluded || f.flag == excludeInbound
	}
	if !excluded {
		out = append(out, excludeInbound, "")
	}
	if p.settings.dnsCapture {
		out = append(out, "--dns")
	}
	return out
}
