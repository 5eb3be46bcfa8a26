package inject

import (
	"google.golang.org/protobuf/proto"
	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
)

// Options are what the command line and the mesh's settings say of all Pods.
type Options struct {
	Namespace    string // of objects that name none
	Image        string // has krater and envoy
	ControlPlane string // "host:port"
	TrustDomain  string
	// Where Krater's other parts are, "host:port"; empty: not told.
	Policyd, OTLP, ALS string
	Native             Native
	Defaults           *meshv1alpha1.ProxyConfig // the mesh's; nil: none
	KeepMetrics        bool                      // leave the application's metrics where they are
	KeepProbes         bool                      // leave the application's probes as they are
}

// Native says where the sidecar is an init container that is always restarted,
// which Kubernetes calls a native sidecar (from 1.29 on).
type Native string

const (
	// NativeAuto is for Pods that end, or that wait for their proxy.
	NativeAuto   Native = "auto"
	NativeAlways Native = "true"
	NativeNever  Native = "false"
)

// defaults is a copy of the mesh's ProxyConfig.
func (o Options) defaults() *meshv1alpha1.ProxyConfig {
	if o.Defaults == nil {
		return &meshv1alpha1.ProxyConfig{}
	}
	return proto.CloneOf(o.Defaults)
}
