package meshprocessor

import (
	"context"
	"strings"

	"github.com/krater-mesh/krater/telemetry/mesh"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// traces takes out of spans what must not be seen: the query, which holds
// what people typed, and redacted attributes.
type traces struct{ view *mesh.View }

func (t *traces) process(_ context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				t.clean(span.Attributes())
			}
		}
	}
	return td, nil
}

func (t *traces) clean(attributes pcommon.Map) {
	for _, name := range []string{"http.url", "http.target", "url.full"} {
		if v, ok := attributes.Get(name); ok {
			withoutQuery, _, _ := strings.Cut(v.Str(), "?")
			attributes.PutStr(name, withoutQuery)
		}
	}
	attributes.Remove("url.query")
	if proxy, ok := attributes.Get("node_id"); ok { // Envoy's spans; the daemons' have none
		redact(attributes, t.view, proxy.Str())
	}
}
