package door

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// traces takes spans.
type traces struct {
	ptraceotlp.UnimplementedGRPCServer
	d  *Door
	to ptraceotlp.GRPCClient
}

// Export implements ptraceotlp.GRPCServer.
func (t *traces) Export(ctx context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	from, err := t.d.sender(ctx)
	if err != nil {
		return ptraceotlp.NewExportResponse(), err
	}
	for _, r := range req.Traces().ResourceSpans().All() {
		from.resource(r.Resource())
		for _, scope := range r.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				from.record(span.Attributes())
			}
		}
	}
	return t.to.Export(ctx, req)
}

// metrics takes metrics. What a proxy counts about its callers is its own to
// say; that it is this proxy that says so is not.
type metrics struct {
	pmetricotlp.UnimplementedGRPCServer
	d  *Door
	to pmetricotlp.GRPCClient
}

// Export implements pmetricotlp.GRPCServer.
func (m *metrics) Export(ctx context.Context, req pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	from, err := m.d.sender(ctx)
	if err != nil {
		return pmetricotlp.NewExportResponse(), err
	}
	for _, r := range req.Metrics().ResourceMetrics().All() {
		from.resource(r.Resource())
	}
	return m.to.Export(ctx, req)
}

// logs takes log records.
type logs struct {
	plogotlp.UnimplementedGRPCServer
	d  *Door
	to plogotlp.GRPCClient
}

// Export implements plogotlp.GRPCServer.
func (l *logs) Export(ctx context.Context, req plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	from, err := l.d.sender(ctx)
	if err != nil {
		return plogotlp.NewExportResponse(), err
	}
	for _, r := range req.Logs().ResourceLogs().All() {
		from.resource(r.Resource())
		for _, scope := range r.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				from.record(record.Attributes())
			}
		}
	}
	return l.to.Export(ctx, req)
}
