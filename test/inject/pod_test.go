// Package inject runs what injection adds to a Pod: real processes, on a
// machine of their own, as the kubelet would start them.
package inject

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/agent/inject"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Main(m)) }

// pod is one as its author wrote it.
const pod = `apiVersion: v1
kind: Pod
metadata:
  name: reviews
  namespace: shop
  annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9080", prometheus.io/path: /metrics, sidecar.istio.io/logLevel: info}
spec:
  serviceAccountName: reviews
  containers:
  - name: reviews
    image: reviews
    ports: [{name: http, containerPort: 9080}]
    readinessProbe: {httpGet: {path: /health, port: http}}
`

// mesh declares what the Pod is.
const mesh = `apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: pods}
spec:
  workloads:
  - {name: reviews, namespace: shop, serviceAccount: reviews, interception: redirect, address: ADDRESS, ports: [{name: http, port: 9080}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
`

// TestAnInjectedPodIsInTheMesh runs, on a machine of its own, the containers
// that injection adds, as the kubelet would: with their command lines, users,
// variables and files. What the kubelet and Prometheus ask is answered, and
// nobody reaches the application without a certificate.
func TestAnInjectedPodIsInTheMesh(t *testing.T) {
	n := netns.New(t)
	control, node, outside := n.Host("control"), n.Host("reviews"), n.Host("outside")
	target := control.Address + ":15012"
	injected := injectPod(t, target)
	var healthy atomic.Bool
	healthy.Store(true)
	application(node, &healthy)

	krater := control.Program(filepath.Join(harness.Binaries(t), "krater"))
	state := n.Dir(0)
	file := n.Share("mesh.yaml", []byte(strings.ReplaceAll(mesh, "ADDRESS", node.Address)))
	control.Start(netns.Command{Args: []string{krater, "controlplane", file, "--state", state, "--agents", target}})
	k := &kubelet{t: t, node: node, dir: n.Dir(1337), podName: injected.Name, namespace: injected.Namespace}
	harness.Until(t, 60*time.Second, "a token", func() error {
		out, code := control.Try(netns.Command{Args: []string{krater, "token", "create", "--state", state, "--workload", "shop/reviews", "--file", filepath.Join(k.dir, "krater-token")}})
		if code != 0 {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	roots := control.Run(krater, "ca", "roots", "--state", state)
	if err := os.WriteFile(filepath.Join(k.dir, "root-cert.pem"), []byte(roots), 0o644); err != nil {
		t.Fatal(err)
	}
	control.Run("chown", "-R", "1337:1337", k.dir)

	for _, c := range injected.Spec.InitContainers {
		out, code := node.Try(k.command(c))
		if code != 0 {
			t.Fatalf("%s: %s", c.Name, out)
		}
	}
	app, sidecar := injected.Spec.Containers[0], injected.Spec.Containers[1]
	agent := node.Start(k.command(sidecar))
	harness.Until(t, 60*time.Second, "the sidecar to be ready", func() error { return k.asks(outside, sidecar.StartupProbe.HTTPGet, 200) })

	if err := k.asks(outside, app.ReadinessProbe.HTTPGet, 200); err != nil {
		t.Errorf("the application is well: %v", err)
	}
	healthy.Store(false)
	if err := k.asks(outside, app.ReadinessProbe.HTTPGet, 503); err != nil {
		t.Errorf("the application is not well: %v", err)
	}
	metrics := injected.Annotations["prometheus.io/path"]
	_, page := get(outside, node.Address+":"+injected.Annotations["prometheus.io/port"]+metrics)
	for _, want := range []string{"of_the_application 7", "envoy_server_live"} {
		if !strings.Contains(page, want) {
			t.Errorf("%s has no %s", metrics, want)
		}
	}
	if code, body := get(outside, node.Address+":9080/health"); code != 0 {
		t.Errorf("without a certificate the application answers %d %s", code, body)
	}
	agent.Stop(t)
}

// injectPod gives the Pod with its sidecar.
func injectPod(t *testing.T, controlPlane string) corev1.Pod {
	t.Helper()
	out, problems := inject.Inject([]inject.File{{Name: "pod.yaml", Data: []byte(pod)}},
		inject.Options{Image: "krater", ControlPlane: controlPlane, TrustDomain: "cluster.local", Native: inject.NativeAuto})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var injected corev1.Pod
	if err := yaml.UnmarshalStrict(out, &injected); err != nil {
		t.Fatal(err)
	}
	return injected
}

// application answers for its health and its metrics.
func application(node *netns.Host, healthy *atomic.Bool) {
	s := &httptest.Server{Listener: node.Listen(":9080"), Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/metrics":
			fmt.Fprintln(w, "of_the_application 7")
		case !healthy.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}}
	s.Start()
}

// kubelet runs containers of one Pod.
type kubelet struct {
	t                       *testing.T
	node                    *netns.Host
	dir, podName, namespace string
}

// command is a container's, with its variables filled in, and its volumes in
// one folder.
func (k *kubelet) command(c corev1.Container) netns.Command {
	volumes := strings.NewReplacer("/var/lib/krater", filepath.Join(k.dir, "s"), "/var/run/secrets/krater/token", k.dir, "/var/run/secrets/krater/root", k.dir)
	fields := map[string]string{"metadata.name": k.podName, "metadata.namespace": k.namespace, "status.podIP": k.node.Address}
	var pairs, env []string
	for _, e := range c.Env {
		value := strings.ReplaceAll(e.Value, "$$", "$")
		if e.ValueFrom != nil {
			value = fields[e.ValueFrom.FieldRef.FieldPath]
		}
		pairs = append(pairs, "$("+e.Name+")", value)
		env = append(env, e.Name+"="+value)
	}
	variables := strings.NewReplacer(pairs...)
	args := []string{k.node.Program(filepath.Join(harness.Binaries(k.t), "krater"))}
	for _, a := range c.Args {
		args = append(args, volumes.Replace(variables.Replace(a)))
	}
	return netns.Command{UID: int(*c.SecurityContext.RunAsUser), Args: args, Env: append(env, "ENVOY="+k.node.Program(harness.EnvoyPath(k.t)))}
}

// asks asks as a probe does, from outside of the Pod.
func (k *kubelet) asks(from *netns.Host, probe *corev1.HTTPGetAction, want int) error {
	code, body := get(from, fmt.Sprintf("%s:%d%s", k.node.Address, probe.Port.IntValue(), probe.Path))
	if code != want {
		return fmt.Errorf("%s answers %d %s, not %d", probe.Path, code, body, want)
	}
	return nil
}

// get gives the status and the body; 0: there was no answer.
func get(from *netns.Host, url string) (int, string) {
	res, err := from.Client().Get("http://" + url)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}
