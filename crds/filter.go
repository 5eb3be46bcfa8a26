package crds

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// FilterSpec is a Filter: a Wasm module in the proxies that it selects.
type FilterSpec struct {
	Selector      Selector        `json:"selector"`
	URL           string          `json:"url"`    // builtin:ROOT, file:// or a path from the declaring file's folder
	SHA256        string          `json:"sha256"` // 64 hex digits; checked where given
	RootID        string          `json:"rootId"` // by the URL for builtin
	Config        json.RawMessage `json:"config"` // handed over as JSON
	Phase         string          `json:"phase"`  // AUTHN, AUTHZ, STATS, DEFAULT
	Priority      int32           `json:"priority"`
	Traffic       string          `json:"traffic"` // SERVER, CLIENT, CLIENT_AND_SERVER
	Ports         []uint32        `json:"ports"`
	FailurePolicy string          `json:"failurePolicy"` // FAIL_CLOSE, FAIL_OPEN, FAIL_RELOAD
}

// Validate reports what is wrong; fields start at spec.
func (s *FilterSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	r.module(s.URL, s.SHA256)
	r.oneOf(s.Phase, "spec.phase", "AUTHN", "AUTHZ", "STATS", "DEFAULT")
	r.oneOf(s.Traffic, "spec.traffic", "SERVER", "CLIENT", "CLIENT_AND_SERVER")
	r.oneOf(s.FailurePolicy, "spec.failurePolicy", "FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD")
	for i, p := range s.Ports {
		r.port(p, index("spec.ports", i))
	}
	return r.problems
}

func convertFilter(c *conversion) Content {
	in := &FilterSpec{Phase: "DEFAULT", Traffic: "SERVER", FailurePolicy: "FAIL_CLOSE"}
	if !c.read(in) {
		return Content{}
	}
	c.include(in.Validate())
	out := &model.FilterBinding{
		Object: c.object.Ref, Selector: c.selector(in.Selector.MatchLabels, "spec.selector.matchLabels"), Created: c.object.created(),
		Module: module(in.URL, in.SHA256), RootID: in.RootID, Phase: model.Phase(in.Phase), Priority: in.Priority,
		Failure: model.FilterFailure(in.FailurePolicy),
		Match:   []model.TrafficMatch{{Mode: model.TrafficMode(in.Traffic), Ports: in.Ports}},
	}
	if root, ok := strings.CutPrefix(in.URL, model.BuiltinModule); ok && out.RootID == "" {
		out.RootID = root
	}
	if len(in.Config) > 0 {
		var b bytes.Buffer
		if err := json.Compact(&b, in.Config); err == nil {
			out.Config = b.String()
		}
	}
	return Content{Filter: out}
}

// module is what a URL and a pin say; size and, without a pin, digest are
// found when the module is fetched.
func module(url, sha256 string) model.Module {
	m := model.Module{URL: url}
	if sha256 != "" {
		m.Digest = "sha256:" + strings.ToLower(strings.TrimPrefix(sha256, "sha256:"))
	}
	return m
}

var hex64 = regexp.MustCompile(`^(sha256:)?[0-9a-fA-F]{64}$`)

func (r *report) module(url, sha256 string) {
	scheme, _, hasScheme := strings.Cut(url, "://")
	switch {
	case url == "":
		r.missing("spec.url", "a filter has a module")
	case url == model.BuiltinModule:
		r.bad("spec.url", "which of the built-in filters? builtin:NAME")
	case hasScheme && scheme != "file":
		r.refuse("spec.url", "modules are read from files yet, not from %s", scheme)
	}
	if sha256 != "" && !hex64.MatchString(sha256) {
		r.bad("spec.sha256", "want 64 hexadecimal digits")
	}
}

// oneOf reports a word that is not one of the choices.
func (r *report) oneOf(word, field string, choices ...string) {
	for _, c := range choices {
		if c == word {
			return
		}
	}
	r.add(model.Error, model.CodeInvalidValue, field, meant(word, choices), "want one of %s, got %q", strings.Join(choices, ", "), word)
}
