package inject_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/agent/inject"
	"github.com/krater-mesh/krater/agent/status"
)

// TestTheAgentReadsTheProbes: what injection tells the agent of the
// application's probes, the agent answers on the paths that the kubelet asks.
func TestTheAgentReadsTheProbes(t *testing.T) {
	pod := []byte(`
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: web
    image: web
    ports: [{name: http, containerPort: 8080}]
    livenessProbe: {httpGet: {path: /live, port: http, scheme: HTTPS}}
    readinessProbe: {grpc: {port: 9000}}
    startupProbe: {tcpSocket: {port: 8080}, timeoutSeconds: 5}
    lifecycle: {preStop: {httpGet: {path: /stop, port: 8080}}}
`)
	out, problems := inject.Inject([]inject.File{{Name: "pod.yaml", Data: pod}}, options())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var injected corev1.Pod
	if err := yaml.UnmarshalStrict(out, &injected); err != nil {
		t.Fatal(err)
	}
	app, sidecar := injected.Spec.Containers[0], injected.Spec.Containers[1]
	asked, err := status.ReadAppProbes([]byte(variable(sidecar, inject.ProbesVariable)))
	if err != nil {
		t.Fatal(err)
	}
	for name, get := range map[string]*corev1.HTTPGetAction{"livez": app.LivenessProbe.HTTPGet, "readyz": app.ReadinessProbe.HTTPGet,
		"startupz": app.StartupProbe.HTTPGet, "prestopz": app.Lifecycle.PreStop.HTTPGet} {
		if get == nil || get.Port.IntValue() != status.MetricsPort || !strings.HasSuffix(get.Path, name) || asked[get.Path] == nil {
			t.Errorf("%s asks %+v, the agent knows %v", name, get, asked[get.Path])
		}
	}
	if len(asked) != 4 {
		t.Errorf("%d paths", len(asked))
	}
}

func variable(c corev1.Container, name string) string {
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}
