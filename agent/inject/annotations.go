package inject

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// annotation is one that has an effect, and how it is read; nil: elsewhere.
type annotation struct {
	name string
	read func(s *settings, value string) error
}

// proxyConfigName holds a ProxyConfig as YAML.
const proxyConfigName = "proxy.istio.io/config"

// interfaceName is what redirection takes; a rule's text could be broken by
// others.
var interfaceName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,15}$`)

const excludeInbound = "--exclude-inbound-ports"

// annotations are those that have an effect.
var annotations = []annotation{
	{injectName, nil},
	{statusName, nil}, // what was added
	{proxyConfigName, nil},
	{"sidecar.istio.io/proxyImage", func(s *settings, v string) error { s.image = v; return nil }},
	{"sidecar.istio.io/proxyCPU", quantity(func(s *settings, v string) { s.requests["cpu"] = v })},
	{"sidecar.istio.io/proxyMemory", quantity(func(s *settings, v string) { s.requests["memory"] = v })},
	{"sidecar.istio.io/proxyCPULimit", quantity(func(s *settings, v string) { s.limits["cpu"] = v })},
	{"sidecar.istio.io/proxyMemoryLimit", quantity(func(s *settings, v string) { s.limits["memory"] = v })},
	{"sidecar.istio.io/logLevel", func(s *settings, v string) error { s.logLevel = v; return level(v) }},
	{"sidecar.istio.io/componentLogLevel", func(s *settings, v string) error { s.componentLevels = v; return levels(v) }},
	{"sidecar.istio.io/interceptionMode", func(s *settings, v string) error { return s.interception(v) }},
	{"sidecar.istio.io/discoveryAddress", func(s *settings, v string) error { s.config.DiscoveryAddress = v; return address(v) }},
	{"sidecar.istio.io/nativeSidecar", boolean(func(s *settings, v bool) { s.native, s.nativeSaid = v, true })},
	{"sidecar.istio.io/rewriteAppHTTPProbers", boolean(func(s *settings, v bool) { s.rewriteProbes = v })},
	{"sidecar.istio.io/userVolume", named(func(s *settings, v []any) { s.volumes = v })},
	{"sidecar.istio.io/userVolumeMount", named(func(s *settings, v []any) { s.mounts = v })},
	{"prometheus.istio.io/merge-metrics", boolean(func(s *settings, v bool) { s.mergeMetrics = v })},
	{"readiness.status.sidecar.istio.io/initialDelaySeconds", seconds(func(s *settings, v int) { s.readiness.InitialDelaySeconds = v })},
	{"readiness.status.sidecar.istio.io/periodSeconds", seconds(func(s *settings, v int) { s.readiness.PeriodSeconds = v })},
	{"readiness.status.sidecar.istio.io/failureThreshold", seconds(func(s *settings, v int) { s.readiness.FailureThreshold = v })},
	{"traffic.sidecar.istio.io/includeInboundPorts", redirected("--include-inbound-ports", anyOf(ports))},
	{"traffic.sidecar.istio.io/excludeInboundPorts", redirected(excludeInbound, ports)},
	{"traffic.sidecar.istio.io/includeOutboundIPRanges", redirected("--include-outbound-ip-ranges", anyOf(ranges))},
	{"traffic.sidecar.istio.io/excludeOutboundIPRanges", redirected("--exclude-outbound-ip-ranges", ranges)},
	{"traffic.sidecar.istio.io/includeOutboundPorts", redirected("--include-outbound-ports", anyOf(ports))},
	{"traffic.sidecar.istio.io/excludeOutboundPorts", redirected("--exclude-outbound-ports", ports)},
	{"traffic.sidecar.istio.io/excludeInterfaces", redirected("--exclude-interfaces", interfaces)},
}

// withoutEffect are Istio's other annotations of a sidecar, and why.
var withoutEffect = map[string]string{
	"sidecar.istio.io/agentLogLevel":                     "the agent has one level, and --debug",
	"sidecar.istio.io/bootstrapOverride":                 "the bootstrap is the agent's own",
	"sidecar.istio.io/extraStatTags":                     "labels of metrics are a TelemetryRule's",
	"sidecar.istio.io/proxyImageType":                    "there is one image; sidecar.istio.io/proxyImage names another",
	"sidecar.istio.io/statsCompression":                  "metrics are a TelemetryBackend's",
	"sidecar.istio.io/statsEvictionInterval":             "metrics are a TelemetryRule's",
	"sidecar.istio.io/statsFlushInterval":                "metrics are a TelemetryRule's",
	"sidecar.istio.io/statsHistogramBins":                "metrics are a TelemetryRule's",
	"sidecar.istio.io/statsHistogramBuckets":             "metrics are a TelemetryRule's",
	"sidecar.istio.io/statsInclusionPrefixes":            "metrics are a TelemetryRule's",
	"sidecar.istio.io/statsInclusionRegexps":             "metrics are a TelemetryRule's",
	"sidecar.istio.io/statsInclusionSuffixes":            "metrics are a TelemetryRule's",
	"status.sidecar.istio.io/port":                       "the status port is 15021, that of metrics and probes 15020",
	"readiness.status.sidecar.istio.io/applicationPorts": "the sidecar is ready when its Envoy is",
	"traffic.sidecar.istio.io/kubevirtInterfaces":        "what comes from a virtual machine inside the Pod is not redirected",
	"istio.io/reroute-virtual-interfaces":                "what comes from a virtual machine inside the Pod is not redirected",
	"inject.istio.io/templates":                          "there are no templates",
	"proxy.istio.io/overrides":                           "containers are not customised by containers of their name",
	"ambient.istio.io/redirection":                       "there is no ambient mode",
	"ambient.istio.io/bypass-inbound-capture":            "there is no ambient mode",
	"ambient.istio.io/dns-capture":                       "there is no ambient mode",
	"ambient.istio.io/waypoint-inbound-binding":          "there is no ambient mode",
}

// number is the form of Kubernetes' quantities.
var number = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][0-9]+)?$`)

func quantity(put func(*settings, string)) func(*settings, string) error {
	return func(s *settings, v string) error {
		if !number.MatchString(v) {
			return fmt.Errorf("want a quantity, like 100m or 128Mi, not %q", v)
		}
		put(s, v)
		return nil
	}
}

func boolean(put func(*settings, bool)) func(*settings, string) error {
	return func(s *settings, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("want true or false, not %q", v)
		}
		put(s, b)
		return nil
	}
}

func seconds(put func(*settings, int)) func(*settings, string) error {
	return func(s *settings, v string) error {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil {
			return fmt.Errorf("want a number, not %q", v)
		}
		put(s, int(n))
		return nil
	}
}

// named reads Kubernetes objects from JSON: a list, or a mapping by name.
func named(put func(*settings, []any)) func(*settings, string) error {
	return func(s *settings, v string) error {
		var list []any
		if json.Unmarshal([]byte(v), &list) != nil {
			byName := map[string]map[string]any{}
			if err := json.Unmarshal([]byte(v), &byName); err != nil {
				return fmt.Errorf("want JSON, a list, or a mapping by name: %v", err)
			}
			for _, name := range sortedNames(byName) {
				if byName[name] == nil {
					return fmt.Errorf("%s is null", name)
				}
				byName[name]["name"] = name
				list = append(list, byName[name])
			}
		}
		for _, item := range list {
			if o, ok := item.(map[string]any); !ok || o["name"] == nil {
				return fmt.Errorf("want objects with a name")
			}
		}
		put(s, list)
		return nil
	}
}

func redirected(flag string, check func(string) error) func(*settings, string) error {
	return func(s *settings, v string) error {
		list := strings.Split(v, ",")
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
		v = strings.Join(list, ",")
		s.redirect = append(s.redirect, flagValue{flag, v})
		return check(v)
	}
}

func anyOf(check func(string) error) func(string) error {
	return func(v string) error {
		if v == "*" {
			return nil
		}
		return check(v)
	}
}

func ports(v string) error {
	return items(v, func(item string) error {
		if n, err := strconv.ParseUint(item, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("want ports with commas between, not %q", item)
		}
		return nil
	})
}

func ranges(v string) error {
	return items(v, func(item string) error {
		if _, err := netip.ParsePrefix(item); err != nil {
			return fmt.Errorf("want ranges like 10.0.0.0/8 with commas between, not %q", item)
		}
		return nil
	})
}

func interfaces(v string) error {
	return items(v, func(item string) error {
		if !interfaceName.MatchString(item) {
			return fmt.Errorf("want names of interfaces with commas between, not %q", item)
		}
		return nil
	})
}

func items(v string, check func(string) error) error {
	if v == "" {
		return nil
	}
	for item := range strings.SplitSeq(v, ",") {
		if err := check(item); err != nil {
			return err
		}
	}
	return nil
}
