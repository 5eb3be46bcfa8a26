package model

// WorkloadGroup is what workloads that register themselves become: the
// WorkloadEntries of a group differ by their address only.
type WorkloadGroup struct {
	Object      Ref               `json:"object"`
	Labels      map[string]string `json:"labels,omitempty"` // of the entries, and of the workloads
	Annotations map[string]string `json:"annotations,omitempty"`
	Template    Endpoint          `json:"template"` // Address is empty
	Probe       *Probe            `json:"probe,omitempty"`
}

// Probe asks a workload whether it is ready: one of HTTP, TCP, Exec and GRPC.
type Probe struct {
	InitialDelay     Duration   `json:"initialDelay"`
	Timeout          Duration   `json:"timeout"`
	Period           Duration   `json:"period"`
	SuccessThreshold uint32     `json:"successThreshold"` // answers in a row
	FailureThreshold uint32     `json:"failureThreshold"`
	HTTP             *ProbeHTTP `json:"http,omitempty"`
	TCP              *ProbeTCP  `json:"tcp,omitempty"`
	Exec             []string   `json:"exec,omitempty"` // a command that ends with 0
	GRPC             *ProbeGRPC `json:"grpc,omitempty"`
}

// ProbeHTTP is ready where a GET is answered with 200 to 399.
type ProbeHTTP struct {
	Host    string        `json:"host,omitempty"` // empty: the workload
	Port    uint32        `json:"port"`
	Path    string        `json:"path"`
	HTTPS   bool          `json:"https,omitempty"`
	Headers []ProbeHeader `json:"headers,omitempty"` // in order; a name may come twice
}

// ProbeHeader is a request header of a probe.
type ProbeHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ProbeTCP is ready where a connection can be made.
type ProbeTCP struct {
	Host string `json:"host,omitempty"` // empty: the workload
	Port uint32 `json:"port"`
}

// ProbeGRPC is ready where gRPC's health service says so.
type ProbeGRPC struct {
	Port    uint32 `json:"port"`
	Service string `json:"service,omitempty"`
}
