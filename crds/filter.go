package crds

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
)

// FilterSpec is a Filter: a Wasm module in the proxies that it selects.
type FilterSpec struct {
	Selector      Selector            `json:"selector"`
	Type          string              `json:"type"`       // HTTP, NETWORK
	URL           string              `json:"url"`        // builtin:ROOT, or as a WasmPlugin's; a path is one from the declaring file's folder
	SHA256        string              `json:"sha256"`     // 64 hex digits; checked where given
	PullPolicy    string              `json:"pullPolicy"` // IfNotPresent, Always
	PullSecret    string              `json:"pullSecret"` // for oci and https, of the same namespace
	Signature     FilterSignatureSpec `json:"signature"`
	RootID        string              `json:"rootId"` // by the URL for builtin
	Config        json.RawMessage     `json:"config"` // handed over as JSON
	Schema        json.RawMessage     `json:"schema"` // of config; else the module's own
	Phase         string              `json:"phase"`  // AUTHN, AUTHZ, STATS, DEFAULT
	Priority      int32               `json:"priority"`
	Match         []TrafficMatchSpec  `json:"match"`   // any of them
	Traffic       string              `json:"traffic"` // with ports: a single match
	Ports         []uint32            `json:"ports"`
	Requests      []RequestMatchSpec  `json:"requests"`      // any of them; none: all
	Routes        []FilterRouteSpec   `json:"routes"`        // the first that matches says otherwise
	FailurePolicy string              `json:"failurePolicy"` // FAIL_CLOSE, FAIL_OPEN, FAIL_RELOAD
	Env           map[string]string   `json:"env"`
	HostEnv       []string            `json:"hostEnv"` // variables of the proxy's own
	Limits        FilterLimitsSpec    `json:"limits"`
	Rollout       *FilterRolloutSpec  `json:"rollout"`
}

// mostPause is the longest time for which a filter may hold a request.
const mostPause = model.Duration(24 * time.Hour)

// FilterSignatureSpec says who must have signed the module.
type FilterSignatureSpec struct {
	Keys []string `json:"keys"` // PEM public keys, one of which is enough
}

// TrafficMatchSpec is met by traffic of a mode to one of the ports.
type TrafficMatchSpec struct {
	Mode  string   `json:"mode"` // SERVER, CLIENT, CLIENT_AND_SERVER
	Ports []uint32 `json:"ports"`
}

// FilterLimitsSpec bounds what the module may take.
type FilterLimitsSpec struct {
	Memory    string         `json:"memory"`    // of one VM, like 64Mi
	StartTime model.Duration `json:"startTime"` // until it is configured
	Pause     model.Duration `json:"pause"`     // for which it may hold a request
}

// Validate reports what is wrong; fields start at spec.
func (s *FilterSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	r.oneOf(s.Type, "spec.type", "HTTP", "NETWORK")
	r.oneOf(s.Phase, "spec.phase", "AUTHN", "AUTHZ", "STATS", "DEFAULT")
	r.trafficMatches(s)
	r.oneOf(s.FailurePolicy, "spec.failurePolicy", "FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD")
	for name := range s.Env {
		r.envName(name, join("spec.env", name))
	}
	for i, name := range s.HostEnv {
		r.envName(name, index("spec.hostEnv", i))
		if _, twice := s.Env[name]; twice {
			r.bad(index("spec.hostEnv", i), "the variable %s has a value in env", name)
		}
	}
	s.validateRequests(r)
	if s.Limits.StartTime < 0 {
		r.bad("spec.limits.startTime", "want a positive duration")
	}
	if s.Limits.Pause < 0 || s.Limits.Pause > mostPause {
		r.bad("spec.limits.pause", "want a positive duration of at most a day")
	}
	if s.Rollout != nil {
		s.Rollout.validate(r)
	}
	return r.problems
}

func (r *report) trafficMatches(s *FilterSpec) {
	if s.Traffic != "" {
		r.oneOf(s.Traffic, "spec.traffic", "SERVER", "CLIENT", "CLIENT_AND_SERVER")
	}
	for i, p := range s.Ports {
		r.port(p, index("spec.ports", i))
	}
	if len(s.Match) > 0 && (s.Traffic != "" || len(s.Ports) > 0) {
		r.bad("spec.match", "match says what traffic and ports say: leave those out")
	}
	for i, m := range s.Match {
		at := index("spec.match", i)
		if m.Mode != "" {
			r.oneOf(m.Mode, at+".mode", "SERVER", "CLIENT", "CLIENT_AND_SERVER")
		}
		for j, p := range m.Ports {
			r.port(p, index(at+".ports", j))
		}
	}
}

// envName reports what is no variable's name, and what is Krater's own.
func (r *report) envName(name, field string) {
	if !variableName.MatchString(name) {
		r.bad(field, "a variable's name has letters, digits and \"_\", and begins with no digit")
	}
	if strings.HasPrefix(name, "KRATER_") {
		r.bad(field, "variables KRATER_* are Krater's own")
	}
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,255}$`)

func convertFilter(c *conversion) Content {
	in := &FilterSpec{Type: "HTTP", Phase: "DEFAULT", FailurePolicy: "FAIL_CLOSE"}
	if !c.read(in) {
		return Content{}
	}
	c.include(in.Validate())
	out := &model.FilterBinding{
		Object: c.object.Ref, Selector: c.selector(in.Selector.MatchLabels, "spec.selector.matchLabels"), Created: c.object.created(),
		Module: c.pulled(modulePull{at: "spec", url: in.URL, sha256: in.SHA256, policy: in.PullPolicy, secret: in.PullSecret, keys: in.Signature.Keys,
			atPolicy: "spec.pullPolicy", atSecret: "spec.pullSecret", atKeys: "spec.signature.keys"}),
		Type: model.FilterType(in.Type), RootID: in.RootID, Config: compacted(in.Config), Schema: compacted(in.Schema),
		Phase: model.Phase(in.Phase), Priority: in.Priority, Match: in.matches(), Failure: model.FilterFailure(in.FailurePolicy),
		Env: in.Env, HostEnv: in.HostEnv, Rollout: in.Rollout.convert(),
		Limits: model.FilterLimits{MemoryBytes: c.bytes(in.Limits.Memory, "spec.limits.memory"), StartTime: in.Limits.StartTime, Pause: in.Limits.Pause},
	}
	out.Config, out.Secrets = c.secretRefs(out.Config, "spec.config")
	c.filterRequests(in, out)
	c.builtin(out, "spec.type", "spec.env")
	if out.Limits.Pause > 0 && out.Type == model.FilterNetwork {
		c.ignore("spec.limits.pause", "only requests and answers are watched, no connections")
	}
	return Content{Filter: out}
}

// builtin completes a binding of Krater's own filters, and reports what they
// cannot have: they share one VM, and that of requests.
func (c *conversion) builtin(f *model.FilterBinding, atType, atEnv string) {
	root, ok := strings.CutPrefix(f.Module.URL, model.BuiltinModule)
	if !ok {
		return
	}
	if f.RootID == "" {
		f.RootID = root
	}
	if len(f.Env)+len(f.HostEnv) > 0 {
		c.refuse(atEnv, "Krater's own filters share a VM and have no variables")
	}
	if f.Type == model.FilterNetwork {
		c.refuse(atType, "none of Krater's own filters is for connections")
	}
	if f.Limits.MemoryBytes > 0 {
		c.ignore("spec.limits.memory", "Krater's own filters share a VM: one of them has no limit of its own")
	}
	if f.Limits.Pause > 0 {
		c.ignore("spec.limits.pause", "Krater's own filters are not watched")
	}
}

// matches are the traffic that a filter sees: what a workload serves, where
// nothing is said.
func (s *FilterSpec) matches() []model.TrafficMatch {
	if len(s.Match) == 0 {
		if s.Traffic == "" {
			s.Traffic = "SERVER"
		}
		return []model.TrafficMatch{{Mode: model.TrafficMode(s.Traffic), Ports: s.Ports}}
	}
	var out []model.TrafficMatch
	for _, m := range s.Match {
		out = append(out, model.TrafficMatch{Mode: model.TrafficMode(m.Mode), Ports: m.Ports})
	}
	return out
}

// compacted is JSON without spaces.
func compacted(raw json.RawMessage) string {
	var b bytes.Buffer
	if len(raw) == 0 || json.Compact(&b, raw) != nil {
		return ""
	}
	return b.String()
}

var hex64 = regexp.MustCompile(`^(sha256:)?[0-9a-fA-F]{64}$`)

// oneOf reports a word that is not one of the choices.
func (r *report) oneOf(word, field string, choices ...string) {
	for _, c := range choices {
		if c == word {
			return
		}
	}
	r.add(model.Error, model.CodeInvalidValue, field, meant(word, choices), "want one of %s, got %q", strings.Join(choices, ", "), word)
}
