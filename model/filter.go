package model

import "slices"

// Phase is where a filter stands in the chain.
type Phase string

// The phases, in Istio's words.
const (
	PhaseAuthn   Phase = "AUTHN"
	PhaseAuthz   Phase = "AUTHZ"
	PhaseStats   Phase = "STATS"
	PhaseDefault Phase = "DEFAULT"
)

// FilterType is what a filter sees.
type FilterType string

// The types of filters.
const (
	FilterHTTP    FilterType = "HTTP"    // requests; the empty FilterType too
	FilterNetwork FilterType = "NETWORK" // the bytes of connections
	FilterLua     FilterType = "LUA"     // requests, by Envoy's own Lua filter
)

// FilterFailure is what a broken filter does to requests.
type FilterFailure string

// The failure policies, in Istio's words.
const (
	FilterFailClosed FilterFailure = "FAIL_CLOSE"
	FilterFailOpen   FilterFailure = "FAIL_OPEN"
	FilterFailReload FilterFailure = "FAIL_RELOAD" // closed until it runs again
)

// TrafficMode is which of a workload's traffic a filter sees.
type TrafficMode string

// The modes, in Istio's words.
const (
	ClientAndServer TrafficMode = "CLIENT_AND_SERVER"
	Client          TrafficMode = "CLIENT" // what the workload sends; all of a gateway's
	Server          TrafficMode = "SERVER" // what it receives; all of a gateway's
)

// BuiltinModule is the digest-less URL prefix of Krater's own filters:
// "builtin:headers" is root "headers" of the built-in module.
const BuiltinModule = "builtin:"

// FilterBinding puts a filter into the chains of the workloads it selects.
type FilterBinding struct {
	Object   Ref      `json:"object"`
	Selector Selector `json:"selector"`
	// Gateways are names of Kubernetes Gateways: of what Selector takes, only
	// their workloads. None: all of it.
	Gateways []string   `json:"gateways,omitempty"`
	Created  string     `json:"created,omitempty"` // metadata.creationTimestamp; the older comes first
	Type     FilterType `json:"type,omitempty"`
	// Module is the code; a Digest of "" is a module that cannot be had: then
	// Failure decides. A Lua filter has Lua instead.
	Module Module `json:"module,omitzero"`
	Lua    string `json:"lua,omitempty"`
	RootID string `json:"rootId"`
	// Config is handed to the filter as it is; JSON. Where it takes a secret,
	// it holds {"secretRef":{"namespace":…,"name":…,"key":…}}, and Secrets says where.
	Config   string         `json:"config,omitempty"`
	Secrets  []FilterSecret `json:"secrets,omitempty"`
	Schema   string         `json:"schema,omitempty"` // of Config, as declared; else the module's own
	Phase    Phase          `json:"phase"`
	Priority int32          `json:"priority"`        // higher first
	Match    []TrafficMatch `json:"match,omitempty"` // any of them; none: all traffic
	// Requests are those that enter the filter; none: all.
	Requests []RequestMatch `json:"requests,omitempty"`
	// Routes say otherwise for some requests; the first that matches counts.
	Routes  []FilterRoute     `json:"routes,omitempty"`
	Failure FilterFailure     `json:"failure"`
	Env     map[string]string `json:"env,omitempty"`
	HostEnv []string          `json:"hostEnv,omitempty"` // variables of Envoy's own that the filter sees
	Limits  FilterLimits      `json:"limits,omitzero"`
	Rollout *Rollout          `json:"rollout,omitempty"` // nil: everywhere at once
}

// TrafficMatch is met by the traffic of a mode, to one of the ports.
type TrafficMatch struct {
	Mode  TrafficMode `json:"mode,omitempty"`  // empty: both ways
	Ports []uint32    `json:"ports,omitempty"` // none: all
	// NotGateways: a gateway has no such traffic, as Istio has it for SERVER.
	NotGateways bool `json:"notGateways,omitempty"`
}

// RequestMatch is met where all that is given is met.
type RequestMatch struct {
	Path    StringMatch            `json:"path,omitzero"`     // without its query
	Hosts   []string               `json:"hosts,omitempty"`   // any of these; "*.suffix" too
	Methods []string               `json:"methods,omitempty"` // any of these
	Headers map[string]StringMatch `json:"headers,omitempty"` // names in lower case
}

// FilterRoute is what a filter does for some requests: nothing, or what
// another configuration says.
type FilterRoute struct {
	Match RequestMatch `json:"match"`
	// Route is a VirtualService's route, as "NAMESPACE/NAME" or
	// "NAMESPACE/NAME/ROUTE"; empty: Match alone says.
	Route    string         `json:"route,omitempty"`
	Disabled bool           `json:"disabled,omitempty"`
	Config   string         `json:"config,omitempty"` // in the place of the binding's
	Secrets  []FilterSecret `json:"secrets,omitempty"`
}

// FilterSecret is a value of a configuration that comes from a Secret. The
// value itself is in no snapshot.
type FilterSecret struct {
	Field string `json:"field"` // where it is named, "spec.config.upstream.apiKey"
	Name  string `json:"name"`  // the Secret, in the filter's namespace
	Key   string `json:"key"`
}

// FilterLimits bound what a module may take; zero fields are the mesh's.
type FilterLimits struct {
	MemoryBytes int64    `json:"memoryBytes,omitempty"` // of one VM's linear memory
	StartTime   Duration `json:"startTime,omitempty"`   // until it is configured
	Pause       Duration `json:"pause,omitempty"`       // for which it may hold a request, or an answer
}

// Module is Wasm code, by content.
type Module struct {
	URL    string `json:"url"`
	Digest string `json:"digest"` // "sha256:" and 64 hex digits
	Size   int64  `json:"size"`
	// Image is the digest of the OCI manifest it came in, "" for others.
	Image string `json:"image,omitempty"`
	// Signer is the fingerprint of the key that signed it, "" for none.
	Signer string     `json:"signer,omitempty"`
	Pull   ModulePull `json:"pull,omitzero"`
}

// ModulePull is how a module is fetched, and what it must show.
type ModulePull struct {
	Always bool     `json:"always,omitempty"` // asked for anew at each resync; else only if it is not there
	Secret string   `json:"secret,omitempty"` // a pull Secret in the object's namespace
	Keys   []string `json:"keys,omitempty"`   // PEM public keys, one of which must have signed it
}

// Sees tells whether a filter is for traffic of a direction to a port; that of
// gateways is ClientAndServer. Port 0 is traffic that is not split by port: a match that names ports never has it.
func (f *FilterBinding) Sees(mode TrafficMode, port uint32) bool {
	if len(f.Match) == 0 {
		return true
	}
	for _, m := range f.Match {
		if (mode == ClientAndServer && !m.NotGateways || m.Mode == "" || m.Mode == ClientAndServer || m.Mode == mode) &&
			(len(m.Ports) == 0 || slices.Contains(m.Ports, port)) {
			return true
		}
	}
	return false
}
