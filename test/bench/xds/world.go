package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// world is a folder of configuration, as people declare it: a file for each
// service and one for its rules, most services on one port.
type world struct {
	dir string
	size
}

func (w world) namespace(i int) string { return fmt.Sprintf("team-%d", i%w.namespaces()) }

func service(i int) string { return fmt.Sprintf("service-%d", i) }

func (w world) host(i int) string {
	return fmt.Sprintf("%s.%s.svc.cluster.local", service(i), w.namespace(i))
}

// write makes the whole folder.
func (w world) write() error {
	files := map[string]string{"mesh.yaml": w.mesh()}
	for i := range w.services {
		files[w.serviceFile(i)] = w.service(i, 0)
		if rules := w.rules(i, "start"); rules != "" {
			files[w.rulesFile(i)] = rules
		}
	}
	for i := range w.namespaces() {
		files[w.policyFile(i)] = w.policy(i, "start")
	}
	for name, text := range files {
		if err := w.replace(name, text); err != nil {
			return err
		}
	}
	return nil
}

// replace puts a file into place at once, as a careful editor does.
func (w world) replace(name, text string) error {
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}

func (w world) serviceFile(i int) string { return w.namespace(i) + "/" + service(i) + ".yaml" }
func (w world) rulesFile(i int) string   { return w.namespace(i) + "/" + service(i) + "-rules.yaml" }
func (w world) policyFile(i int) string  { return w.namespace(i) + "/policy.yaml" }

// port is what a service listens on: nine of ten on the same one.
func port(i int) (name string, number int) {
	if i%10 == 9 {
		return "grpc", 9090
	}
	return "http", 8080
}

// rules is the file of a service's rules: every fourth has routes, every
// third a DestinationRule.
func (w world) rules(i int, mark string) string {
	var docs []string
	if routed(i) {
		docs = append(docs, w.routes(i, mark))
	}
	if i%3 == 0 || routed(i) {
		docs = append(docs, w.destination(i))
	}
	return strings.Join(docs, "---\n")
}

func (w world) destination(i int) string {
	return fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s, namespace: %s}
spec:
  host: %s
  trafficPolicy:
    loadBalancer: {simple: LEAST_REQUEST}
    connectionPool: {http: {http2MaxRequests: 1000}}
    outlierDetection: {consecutive5xxErrors: 7, interval: 30s}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
`, service(i), w.namespace(i), w.host(i))
}

// routed tells whether a service has a VirtualService.
func routed(i int) bool { return i%4 == 1 }

func (w world) routes(i int, mark string) string {
	return fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s, namespace: %s}
spec:
  hosts: [%[4]s]
  http:
  - name: tested
    match: [{headers: {x-user: {exact: tester}}}]
    route: [{destination: {host: %[4]s, subset: v2}}]
  - name: slow
    match: [{uri: {prefix: /reports}}]
    timeout: 30s
    route: [{destination: {host: %[4]s, subset: v1}}]
  - name: rest
    headers: {response: {set: {x-mark: %[3]s}}}
    retries: {attempts: 3, perTryTimeout: 2s, retryOn: "5xx,connect-failure"}
    route:
    - {destination: {host: %[4]s, subset: v1}, weight: 90}
    - {destination: {host: %[4]s, subset: v2}, weight: 10}
`, service(i), w.namespace(i), mark, w.host(i))
}

// service is its declaration with ten endpoints, the last of which an edit
// gives another address.
func (w world) service(i, edit int) string {
	var b strings.Builder
	name, number := port(i)
	fmt.Fprintf(&b, `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %s, namespace: %s}
spec:
  hosts: [%s]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{name: %s, number: %d, protocol: %s, targetPort: 8080}]
  endpoints:
`, service(i), w.namespace(i), w.host(i), name, number, strings.ToUpper(name))
	for n := range endpointsOfService {
		last := 1 + n
		if n == endpointsOfService-1 {
			last += edit % 200
		}
		fmt.Fprintf(&b, "  - {address: 10.%d.%d.%d, labels: {app: %s, version: v%d}}\n", 20+i/250, i%250, last, service(i), 1+n%2)
	}
	return b.String()
}

// policy allows a namespace's callers some paths, to every workload of it.
func (w world) policy(i int, mark string) string {
	return fmt.Sprintf(`apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: callers, namespace: %s}
spec:
  action: DENY
  rules:
  - to: [{operation: {paths: [/admin, /debug/*, /%s], methods: [GET, POST]}}]
  - to: [{operation: {paths: [/internal/*]}}]
    when: [{key: "request.headers[x-internal]", notValues: ["yes"]}]
`, w.namespace(i), mark)
}

// mesh declares the proxies: replicas of five a program, spread over the namespaces.
func (w world) mesh() string {
	var b strings.Builder
	b.WriteString(`apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: bench}
spec:
  tracing: {sampling: 0}
  workloads:
`)
	for i := range w.proxies {
		app := fmt.Sprintf("caller-%d", i/5)
		fmt.Fprintf(&b, "  - {name: %s-r%d, namespace: %s, service: %[1]s, labels: {app: %[1]s, version: v1}, ports: [{name: http, port: 8080}]}\n",
			app, i%5, w.namespace(i/5))
	}
	return b.String()
}

// nodes are the proxies' ids.
func (w world) nodes() []string {
	var out []string
	for i := range w.proxies {
		out = append(out, fmt.Sprintf("%s/caller-%d-r%d", w.namespace(i/5), i/5, i%5))
	}
	return out
}
