package distribution

import (
	"io"
	"testing"

	"github.com/krater-mesh/krater/telemetry/mesh"
	"github.com/krater-mesh/krater/telemetry/meshprocessor"
	"go.opentelemetry.io/collector/component/componenttest"
)

// Default configurations that are wrong would only be found by a user.
func TestDefaultConfigurationsCanBeRead(t *testing.T) {
	f, err := Factories(Needs{View: &mesh.View{}, Memory: &meshprocessor.Memory{}, Stdout: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	for kind, one := range f.Receivers {
		if err := componenttest.CheckConfigStruct(one.CreateDefaultConfig()); err != nil {
			t.Errorf("receiver %s: %v", kind, err)
		}
	}
	for kind, one := range f.Processors {
		if err := componenttest.CheckConfigStruct(one.CreateDefaultConfig()); err != nil {
			t.Errorf("processor %s: %v", kind, err)
		}
	}
	for kind, one := range f.Exporters {
		if err := componenttest.CheckConfigStruct(one.CreateDefaultConfig()); err != nil {
			t.Errorf("exporter %s: %v", kind, err)
		}
	}
}
