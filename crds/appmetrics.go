package crds

import (
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// appMetrics reads Prometheus' annotations of an object; nil: they ask for
// nothing.
func (c *conversion) appMetrics(field string) *model.AppMetrics {
	get := func(name string) string { return c.object.Annotation("prometheus.io/" + name) }
	switch get("scrape") {
	case "true":
	case "", "false":
		return nil
	default:
		c.bad(join(field, "prometheus.io/scrape"), "want true or false, got %q", get("scrape"))
		return nil
	}
	out := &model.AppMetrics{Port: 80, Path: "/metrics", HTTPS: get("scheme") == "https"}
	if text := get("port"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			c.bad(join(field, "prometheus.io/port"), "a port is from 1 to 65535, got %q", text)
		}
		out.Port = uint32(n)
	}
	if path := get("path"); path != "" {
		out.Path = "/" + strings.TrimPrefix(path, "/")
	}
	return out
}
