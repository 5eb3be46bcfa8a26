// Package observe sends Krater's own traces and metrics to its collector, as
// any user's program would: the OpenTelemetry SDK over OTLP. It never blocks
// a part whose collector is away: what cannot be sent is dropped.
package observe

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Start installs the global providers of a process named service. target is
// the collector's OTLP receiver, "unix:PATH" or "host:port". The function it
// gives sends what is left, for two seconds at most.
func Start(ctx context.Context, target, service string, log *slog.Logger) (stop func(), err error) {
	if path, ok := strings.CutPrefix(target, "unix:"); ok && !strings.HasPrefix(path, "//") {
		target = "unix://" + path
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("reaching the collector at %s: %w", target, err)
	}
	spans, err := otlptracegrpc.New(ctx, otlptracegrpc.WithGRPCConn(conn))
	if err != nil {
		return nil, fmt.Errorf("exporting traces: %w", err)
	}
	stats, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithGRPCConn(conn))
	if err != nil {
		return nil, fmt.Errorf("exporting metrics: %w", err)
	}
	about := resource.NewSchemaless(attribute.String("service.name", service))
	tracers := trace.NewTracerProvider(trace.WithResource(about), trace.WithBatcher(spans, trace.WithBatchTimeout(time.Second)))
	meters := metric.NewMeterProvider(metric.WithResource(about),
		metric.WithReader(metric.NewPeriodicReader(stats, metric.WithInterval(5*time.Second))))
	otel.SetTracerProvider(tracers)
	otel.SetMeterProvider(meters)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Debug("krater's own telemetry", "reason", err) }))
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = tracers.Shutdown(ctx)
		_ = meters.Shutdown(ctx)
		_ = conn.Close()
	}, nil
}
