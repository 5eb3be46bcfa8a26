package translate

import (
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	httpinspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/http_inspector/v3"
	tlsinspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/model"
)

// defaultDetection bounds the wait for a client's first bytes.
const defaultDetection = model.Duration(5 * time.Second)

// sniff has a listener look at the first bytes of its connections: TLS with
// its server name, HTTP, or neither. A client that waits for the server to
// speak loses the timeout, and is then neither.
func (p *proxy) sniff(l *listenerv3.Listener) {
	p.sniffTLS(l)
	l.ListenerFilters = append(l.ListenerFilters, listenerFilter("envoy.filters.listener.http_inspector", pack(&httpinspectorv3.HttpInspector{})))
}

// sniffTLS looks for TLS alone.
func (p *proxy) sniffTLS(l *listenerv3.Listener) {
	l.ListenerFilters = append(l.ListenerFilters, listenerFilter("envoy.filters.listener.tls_inspector", pack(&tlsinspectorv3.TlsInspector{})))
	l.ListenerFiltersTimeout = duration(defaultDetection)
	if t := p.mesh.DetectionTimeout; t != nil {
		l.ListenerFiltersTimeout = duration(*t)
	}
	l.ContinueOnListenerFiltersTimeout = true
}

func listenerFilter(name string, config *anypb.Any) *listenerv3.ListenerFilter {
	return &listenerv3.ListenerFilter{Name: name, ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: config}}
}
