package accesslogreceiver

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// Config is the receiver's part of a collector configuration.
type Config struct {
	// Listen is "unix:PATH" or "host:port".
	Listen string `mapstructure:"listen"`
}

// Validate implements xconfmap.Validator.
func (c *Config) Validate() error {
	if path, ok := strings.CutPrefix(c.Listen, "unix:"); ok {
		if path == "" {
			return errors.New("listen: unix: needs a path")
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: %q is neither unix:PATH nor host:port: %w", c.Listen, err)
	}
	return nil
}
