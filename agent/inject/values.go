package inject

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"

	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
)

// interception takes over a mode of redirection. Without any, the application
// calls its proxy by name, and is not held to.
func (s *settings) interception(mode string) error {
	switch mode {
	case "REDIRECT":
		s.config.InterceptionMode = meshv1alpha1.ProxyConfig_REDIRECT
	case "NONE":
		s.config.InterceptionMode = meshv1alpha1.ProxyConfig_NONE
	case "TPROXY":
		return fmt.Errorf("TPROXY is not there: use REDIRECT")
	default:
		return fmt.Errorf("want REDIRECT or NONE, not %q", mode)
	}
	return nil
}

var logLevels = []string{"trace", "debug", "info", "warning", "warn", "error", "critical", "off"}

func level(v string) error {
	if !slices.Contains(logLevels, v) {
		return fmt.Errorf("want one of %s, not %q", strings.Join(logLevels, ", "), v)
	}
	return nil
}

// component is the name of one of Envoy's.
var component = regexp.MustCompile(`^[a-z0-9_]+$`)

// levels are those of Envoy's components, "misc:error,http:debug".
func levels(v string) error {
	return items(v, func(item string) error {
		name, l, ok := strings.Cut(item, ":")
		if !ok || !component.MatchString(name) {
			return fmt.Errorf("want COMPONENT:LEVEL with commas between, not %q", item)
		}
		return level(l)
	})
}

func address(v string) error {
	if host, port, err := net.SplitHostPort(v); err != nil || host == "" || ports(port) != nil || strings.ContainsAny(v, " \t\n$") {
		return fmt.Errorf("want HOST:PORT, not %q", v)
	}
	return nil
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
