package model

// Interception is how a workload's traffic reaches its sidecar.
type Interception string

const (
	// InterceptByProxy: one machine, no root. The sidecar binds the workload's
	// loopback address; outbound calls go through HTTP_PROXY. It can be
	// bypassed and is no security boundary.
	InterceptByProxy Interception = "explicit-proxy"
	// InterceptByRedirect: the kernel redirects what comes and what goes.
	InterceptByRedirect Interception = "redirect"
)

// WorkloadPort is a port the workload serves.
type WorkloadPort struct {
	Number   uint32   `json:"number"`  // what peers connect to; the sidecar binds it
	AppPort  uint32   `json:"appPort"` // where the application listens, on 127.0.0.1 ($PORT)
	Name     string   `json:"name"`
	Protocol Protocol `json:"protocol"`
}

// Process is the program that `krater up` starts for a workload.
type Process struct {
	Command []string          `json:"command"`
	Env     map[string]string `json:"env,omitempty"`
	Dir     string            `json:"dir,omitempty"` // absolute
}

// Workload is one running program with a proxy beside it, or a gateway.
type Workload struct {
	Object         Ref               `json:"object"`
	Namespace      string            `json:"namespace"`
	Name           string            `json:"name"`
	Labels         map[string]string `json:"labels,omitempty"`
	ServiceAccount string            `json:"serviceAccount,omitempty"`
	Address        string            `json:"address"`
	Cluster        string            `json:"cluster,omitempty"`
	Network        string            `json:"network,omitempty"`
	Locality       string            `json:"locality,omitempty"`
	Interception   Interception      `json:"interception,omitempty"`
	Gateway        bool              `json:"gateway,omitempty"`
	Ports          []WorkloadPort    `json:"ports,omitempty"`
	Service        string            `json:"service,omitempty"` // host of the service it serves first
	Process        *Process          `json:"process,omitempty"`
	// Group is the WorkloadGroup, of its namespace, that it registered itself by.
	Group string `json:"group,omitempty"`
	// Metrics is where its application's own are.
	Metrics *AppMetrics `json:"metrics,omitempty"`
}

// AppMetrics is where an application shows metrics, in Prometheus' text.
type AppMetrics struct {
	Port  uint32 `json:"port"` // on the workload's loopback
	Path  string `json:"path"`
	HTTPS bool   `json:"https,omitempty"`
}

// ID is "namespace/name": the proxy's node id.
func (w Workload) ID() string { return w.Namespace + "/" + w.Name }

// Elsewhere tells whether the workload runs on a machine of its own, where
// somebody starts its agent: a WorkloadEntry declares it, or its traffic is
// redirected.
func (w Workload) Elsewhere() bool {
	return w.Object.Kind == "WorkloadEntry" || w.Interception == InterceptByRedirect
}
