package telemetry

import (
	"context"
	"strings"

	"github.com/krater-mesh/krater/telemetry/pipelines"
	"go.opentelemetry.io/collector/confmap"
)

// scheme is the URI scheme of a configuration that is in memory.
const scheme = "krater"

// provider gives one generated configuration.
type provider struct{ conf pipelines.Configuration }

var _ confmap.Provider = (*provider)(nil)

// fixed gives the factory of providers of one configuration.
func fixed(conf pipelines.Configuration) confmap.ProviderFactory {
	return confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return &provider{conf} })
}

// Retrieve implements confmap.Provider.
func (p *provider) Retrieve(context.Context, string, confmap.WatcherFunc) (*confmap.Retrieved, error) {
	return confmap.NewRetrieved(literal(p.conf))
}

// Scheme implements confmap.Provider.
func (p *provider) Scheme() string { return scheme }

// Shutdown implements confmap.Provider.
func (p *provider) Shutdown(context.Context) error { return nil }

// literal escapes "$", so that no value is taken for a reference to the
// environment or to a file.
func literal(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "$", "$$")
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = literal(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = literal(v[k])
		}
		return out
	}
	return v
}
