package meshprocessor

import (
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is the processor's part of a collector configuration.
type Config struct {
	// Backend is the TelemetryBackend that the pipeline ends in, "namespace/name".
	Backend string `mapstructure:"backend"`
	// OPA: the backend takes decisions only, in the form of OPA's decision logs.
	OPA bool `mapstructure:"opa"`
	// Interval is the time between two reports of the metrics.
	Interval time.Duration `mapstructure:"interval"`
	// Repeat also reports values that have not changed.
	Repeat bool `mapstructure:"repeat"`
	// MaxSeries bounds the metrics' series; past it a metric's further ones
	// are summed in one, labeled otel.metric.overflow.
	MaxSeries int `mapstructure:"max_series"`
}

func defaultConfig() component.Config {
	return &Config{Interval: time.Second, MaxSeries: 20_000}
}

// Validate implements xconfmap.Validator.
func (c *Config) Validate() error {
	var errs []error
	if c.Backend == "" {
		errs = append(errs, errors.New("backend: is missing"))
	}
	if c.Interval <= 0 {
		errs = append(errs, errors.New("interval: must be positive"))
	}
	if c.MaxSeries <= 0 {
		errs = append(errs, errors.New("max_series: must be positive"))
	}
	return errors.Join(errs...)
}
