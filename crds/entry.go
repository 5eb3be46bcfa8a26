package crds

import "github.com/krater-mesh/krater/model"

// Entry is an object that was read: typed, with its provenance. Host names
// and selectors are still as the object has them.
type Entry struct {
	Ref     model.Ref    `json:"ref"`
	Origin  model.Origin `json:"origin"`
	Version string       `json:"version"` // hash of Content
	// Created is metadata.creationTimestamp; empty where the object has none.
	Created string  `json:"created,omitempty"`
	Content Content `json:"content"`
	// Lines of the object's fields, for problems that are found later.
	Lines map[string]int `json:"lines,omitempty"`
	// Moved is by how many lines the object has moved since Lines were taken.
	Moved int `json:"moved,omitempty"`
}

// MovedTo is the entry at another place of its file: the content is shared.
func (e *Entry) MovedTo(o model.Origin) *Entry {
	c := *e
	c.Moved += o.Line - e.Origin.Line
	c.Origin = o
	return &c
}

// At is where a field was declared.
func (e *Entry) At(field string) model.Origin {
	return model.Origin{File: e.Origin.File, Line: lineOf(e.Lines, field, e.Origin.Line-e.Moved) + e.Moved}
}

// Content is what an object says. One field is set.
type Content struct {
	Mesh    *Mesh             `json:"mesh,omitempty"`
	Gateway *model.Gateway    `json:"gateway,omitempty"`
	Routes  *model.RouteTable `json:"routes,omitempty"`
	// Delegates are the VirtualServices that HTTP routes leave the rest to, by
	// the route's name. A VirtualService without hosts is one.
	Delegates             map[string]model.Ref         `json:"delegates,omitempty"`
	Destination           *model.DestinationPolicy     `json:"destination,omitempty"`
	Service               *ExternalService             `json:"service,omitempty"`
	Workload              *ExternalWorkload            `json:"workload,omitempty"`
	WorkloadGroup         *model.WorkloadGroup         `json:"workloadGroup,omitempty"`
	Sidecar               *model.Sidecar               `json:"sidecar,omitempty"`
	Patches               []model.EnvoyPatch           `json:"patches,omitempty"`
	KubeService           *KubeService                 `json:"kubeService,omitempty"`
	EndpointSlice         *EndpointSlice               `json:"endpointSlice,omitempty"`
	Secret                *SecretData                  `json:"secret,omitempty"`
	Namespace             *KubeNamespace               `json:"namespace,omitempty"`
	Authorization         *model.AuthorizationPolicy   `json:"authorization,omitempty"`
	PeerAuthentication    *model.PeerAuthentication    `json:"peerAuthentication,omitempty"`
	RequestAuthentication *model.RequestAuthentication `json:"requestAuthentication,omitempty"`
	Rego                  *model.RegoPolicy            `json:"rego,omitempty"`
	AccessList            *model.AccessList            `json:"accessList,omitempty"`
	Limits                *Limits                      `json:"limits,omitempty"`
	Filter                *model.FilterBinding         `json:"filter,omitempty"`
	Attributes            *model.AttributeSet          `json:"attributes,omitempty"`
	Telemetry             *model.TelemetryRule         `json:"telemetry,omitempty"`
	Backend               *model.TelemetryBackend      `json:"backend,omitempty"`
}

// Mesh is a Mesh object: settings, and workloads whose addresses and ports
// may still be open (Address "", AppPort 0). Workload.Service is a short name.
type Mesh struct {
	Settings  model.Mesh       `json:"settings"`
	Workloads []model.Workload `json:"workloads,omitempty"`
	// Fields is, beside each workload, where it was declared.
	Fields []string `json:"fields,omitempty"`
}

// ExternalService is a ServiceEntry: one service a host.
type ExternalService struct {
	Hosts     []string         `json:"hosts"`
	Service   model.Service    `json:"service"` // Host is empty
	Endpoints []model.Endpoint `json:"endpoints,omitempty"`
	// Select takes the workloads of the namespace with these labels, beside or
	// instead of Endpoints; nil: none.
	Select map[string]string `json:"select,omitzero"`
}

// ExternalWorkload is a WorkloadEntry.
type ExternalWorkload struct {
	Endpoint model.Endpoint `json:"endpoint"`
	// Agent tells that an agent of the mesh stands beside it.
	Agent bool `json:"agent,omitempty"`
	// Group is the WorkloadGroup that it registered itself by.
	Group   string            `json:"group,omitempty"`
	Metrics *model.AppMetrics `json:"metrics,omitempty"`
}

// Limits are those of one RateLimit object.
type Limits struct {
	Items []model.Limit `json:"items"`
}
