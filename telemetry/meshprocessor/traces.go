package meshprocessor

import (
	"context"
	"strings"

	"github.com/krater-mesh/krater/telemetry/accesslogreceiver"
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
				accesslogreceiver.DecideSpan(span.Attributes())
				t.clean(span.Attributes())
			}
		}
	}
	return td, nil
}

func (t *traces) clean(attributes pcommon.Map) {
	for _, name := range []string{"http.url", "http.target", "url.full"} {
		if url, query, found := strings.Cut(text(attributes, name), "?"); found && query != "" {
			attributes.PutStr(name, url)
		}
	}
	attributes.Remove("url.query")
	redact(attributes, t.view, text(attributes, "node_id")) // Envoy's name for it; the daemons' spans have none
}
