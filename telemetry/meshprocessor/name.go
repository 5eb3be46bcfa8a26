package meshprocessor

import (
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/model/attribute"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// statPrefix begins the names of the proxies' stats that rules declared:
// "krater.NAMESPACE/RULE/METRIC".
const statPrefix = "krater."

// parseStat splits a stat's name into the rule's key and the metric's name.
func parseStat(stat string) (rule, metric string, ok bool) {
	rest, ok := strings.CutPrefix(stat, statPrefix)
	if !ok {
		return "", "", false
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 3 {
		return "", "", false
	}
	return parts[0] + "/" + parts[1], parts[2], true
}

// fromEnvoy tells whether a resource is a proxy.
func fromEnvoy(resource pcommon.Resource) bool {
	return text(resource.Attributes(), "telemetry.sdk.name") == "envoy"
}

// proxyOf is the "namespace/name" that a proxy puts on its resource.
func proxyOf(resource pcommon.Resource) string {
	return text(resource.Attributes(), "krater.proxy")
}

// text is an attribute's value, or "" where it is absent.
func text(attributes pcommon.Map, name string) string {
	if v, ok := attributes.Get(name); ok {
		return v.AsString()
	}
	return ""
}

// scale is what a proxy's value is multiplied by to be in the metric's unit.
// Durations travel in milliseconds.
func scale(m model.Metric) float64 {
	info, _ := attribute.Lookup(m.Value)
	if info.Type == attribute.Duration && (m.Unit == "s" || strings.HasSuffix(m.Name, "_seconds")) {
		return 1e-3
	}
	return 1
}
