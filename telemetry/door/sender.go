package door

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The attributes by which the mesh's own telemetry names its sender. Proxies
// put the first on their resource and their records, and Envoy the last on
// its spans.
const (
	proxyAttribute     = "krater.proxy"
	serviceAttribute   = "service.name"
	namespaceAttribute = "service.namespace"
	nodeAttribute      = "node_id"
)

// Krater's own parts are workloads of this namespace.
const ownNamespace = "krater-system"

// sender is who a certificate says that it is.
type sender struct{ namespace, workload string }

func (s sender) id() string { return s.namespace + "/" + s.workload }

// sender is who makes a call.
func (d *Door) sender(ctx context.Context) (sender, error) {
	namespace, workload, err := d.o.Caller(ctx)
	if err != nil {
		return sender{}, status.Error(codes.Unauthenticated, err.Error())
	}
	return sender{namespace, workload}, nil
}

// resource writes who sends into a resource, whatever stood there.
func (s sender) resource(r pcommon.Resource) {
	r.Attributes().PutStr(namespaceAttribute, s.namespace)
	if s.namespace == ownNamespace { // a daemon, which is no proxy
		r.Attributes().Remove(proxyAttribute)
		r.Attributes().PutStr(serviceAttribute, "krater-"+s.workload)
		return
	}
	r.Attributes().PutStr(proxyAttribute, s.id())
	r.Attributes().PutStr(serviceAttribute, s.workload)
}

// record writes who sends where a record or a span names it, too.
func (s sender) record(attributes pcommon.Map) {
	for _, name := range []string{proxyAttribute, nodeAttribute} {
		if _, ok := attributes.Get(name); ok {
			attributes.PutStr(name, s.id())
		}
	}
}
