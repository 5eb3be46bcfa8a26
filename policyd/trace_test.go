package policyd_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc/metadata"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/policyd/rego"
)

// TestDecisionIsPartOfTheProxysTrace holds a decision's span below the span
// of the call, which is below the proxy's.
func TestDecisionIsPartOfTheProxysTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	reader := sdkmetric.NewManualReader()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	otel.SetTracerProvider(tracers)
	otel.SetMeterProvider(meters)
	otel.SetTextMapPropagator(propagation.TraceContext{})

	plane, target, stopPlane := startControlPlane(t)
	client, stop := start(t, policyd.Options{ControlPlane: target})
	plane.send <- []model.RegoPolicy{policyOf("package p\n\nallow := true\n")}
	until(t, client, true)
	spans.Reset()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "krater-policies", "a/p", "krater-workload", "default/w",
		"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if _, err := client.Check(ctx, rego.Request{}.CheckRequest(0)); err != nil {
		t.Fatal(err)
	}
	stop() // ends the call's span
	stopPlane()

	byName := map[string]tracetest.SpanStub{}
	for _, s := range spans.GetSpans() {
		byName[s.Name] = s
	}
	call, decision := byName["envoy.service.auth.v3.Authorization/Check"], byName["krater.decision"]
	if call.Parent.SpanID().String() != "b7ad6b7169203331" || decision.Parent.SpanID() != call.SpanContext.SpanID() {
		t.Errorf("the spans are no tree below the proxy's: %v", spans.GetSpans())
	}
	got := map[string]string{}
	for _, a := range decision.Attributes {
		got[string(a.Key)] = a.Value.String()
	}
	for key, want := range map[string]string{
		"krater.decision.policy": "RegoPolicy a/p", "krater.decision.rule": "data.p.allow",
		"krater.decision.allowed": "true", "krater.decision.placement": "daemon", "krater.proxy": "default/w",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, wanted %q", key, got[key], want)
		}
	}
	if len(got["krater.decision.id"]) != 32 {
		t.Errorf("the decision's id is %q", got["krater.decision.id"])
	}
	if n := decisions(t, reader); n == 0 {
		t.Error("no decision was counted")
	}
	if err := tracers.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := meters.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// decisions is the sum of krater.policyd.decisions.
func decisions(t *testing.T, reader sdkmetric.Reader) (n int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "krater.policyd.decisions" {
				for _, point := range sum.DataPoints {
					n += point.Value
				}
			}
		}
	}
	return n
}
