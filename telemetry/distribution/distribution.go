// Package distribution turns the list of linked OpenTelemetry Collector
// components into factories. It never configures or starts one.
package distribution

import (
	"fmt"
	"io"

	"github.com/krater-mesh/krater/telemetry/accesslogreceiver"
	"github.com/krater-mesh/krater/telemetry/decisionstore"
	"github.com/krater-mesh/krater/telemetry/fileexporter"
	"github.com/krater-mesh/krater/telemetry/lineexporter"
	"github.com/krater-mesh/krater/telemetry/mesh"
	"github.com/krater-mesh/krater/telemetry/meshprocessor"
	"github.com/krater-mesh/krater/telemetry/nopexporter"
	"github.com/krater-mesh/krater/telemetry/opaexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

// Needs is what Krater's own components share with their host.
type Needs struct {
	View   *mesh.View            // what they know of the mesh
	Memory *meshprocessor.Memory // what was counted, over reloads
	Stdout io.Writer             // where lines go
}

// Factories gives every component that a configuration may name. To link one
// in, add its line here.
func Factories(n Needs) (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](
		accesslogreceiver.NewFactory(n.View),
		otlpreceiver.NewFactory(),
	)
	if err != nil {
		return otelcol.Factories{}, fmt.Errorf("listing receivers: %w", err)
	}
	processors, err := otelcol.MakeFactoryMap[processor.Factory](
		batchprocessor.NewFactory(),
		memorylimiterprocessor.NewFactory(),
		meshprocessor.NewFactory(n.View, n.Memory),
	)
	if err != nil {
		return otelcol.Factories{}, fmt.Errorf("listing processors: %w", err)
	}
	exporters, err := otelcol.MakeFactoryMap[exporter.Factory](
		debugexporter.NewFactory(),
		decisionstore.NewFactory(),
		fileexporter.NewFactory(),
		lineexporter.NewFactory(n.Stdout),
		nopexporter.NewFactory(),
		opaexporter.NewFactory(n.Stdout),
		otlpexporter.NewFactory(),
		otlphttpexporter.NewFactory(),
		prometheusexporter.NewFactory(),
	)
	if err != nil {
		return otelcol.Factories{}, fmt.Errorf("listing exporters: %w", err)
	}
	return otelcol.Factories{Receivers: receivers, Processors: processors, Exporters: exporters}, nil
}
