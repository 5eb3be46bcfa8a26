package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
)

func TestTheCollectorsLogIsOurs(t *testing.T) {
	var b bytes.Buffer
	ours := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	log, _, err := ownTelemetry(ours, newMeters()).CreateLogger(context.Background(), telemetry.LoggerSettings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	log = log.With(zap.String("component", "otlp"))
	log.Info("Everything is ready")
	log.Warn("full", zap.Int("items", 3))
	log.Error("broken")
	want := "level=WARN msg=full component=otlp items=3\nlevel=ERROR msg=broken component=otlp\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A path with a "$" is a path, not a reference to the environment.
func TestValuesAreLiteral(t *testing.T) {
	t.Setenv("HOME", "expanded")
	value := "${env:HOME}/$HOME/$$"
	r, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: []string{scheme + ":"}, ProviderFactories: []confmap.ProviderFactory{fixed(map[string]any{"a": []any{map[string]any{"path": value}}})},
	})
	if err != nil {
		t.Fatal(err)
	}
	conf, err := r.Resolve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"a": []any{map[string]any{"path": value}}}, conf.ToStringMap()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAbsurdConfigurationsDoNotStart(t *testing.T) {
	c := New(Options{OTLP: "127.0.0.1:0", ALS: "nonsense", StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	err := c.apply(context.Background(), Slice{})
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v, want an error that names what is wrong", err)
	}
	if c.Status().Running {
		t.Error("it says that it runs")
	}
}
