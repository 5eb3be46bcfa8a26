package crds

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// AccessListSpec is an AccessList: who may call, or may not, by one value of
// each request.
type AccessListSpec struct {
	Selector Selector `json:"selector"`
	Action   string   `json:"action"`  // DENY what is in the list, ALLOW nothing else
	Ports    []uint32 `json:"ports"`   // of the workload; none: all
	Key      string   `json:"key"`     // request.headers['x'], attribute.NAME, source.address
	Match    string   `json:"match"`   // EXACT, CASE_INSENSITIVE, CIDR, REGEX; by the key where absent
	Entries  []string `json:"entries"` // inline
	URL      string   `json:"url"`     // of a list elsewhere
}

const keyAddress = "source.address"

// maxAccessBytes is how much text a list may have.
const maxAccessBytes = 4 << 20

// Validate reports what is wrong; fields start at spec.
func (s *AccessListSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	if s.Action == "" {
		r.missing("spec.action", "DENY what is in the list, or ALLOW nothing else?")
	} else {
		r.oneOf(s.Action, "spec.action", "DENY", "ALLOW")
	}
	for i, p := range s.Ports {
		r.port(p, index("spec.ports", i))
	}
	s.validateKey(r)
	if s.URL != "" {
		r.refuse("spec.url", "lists are read from their objects yet, not from %s: write entries", s.URL)
	}
	bytes := 0
	for i, e := range s.Entries {
		bytes += len(e)
		if e == "" || strings.ContainsAny(e, "\r\n\x00") {
			r.bad(index("spec.entries", i), "an entry is one line that is not empty")
		}
	}
	switch {
	case len(s.Entries) == 0 && s.URL == "":
		r.missing("spec.entries", "the list is empty")
	case bytes > maxAccessBytes:
		r.bad("spec.entries", "the entries have %d bytes, want at most %d", bytes, maxAccessBytes)
	case s.Match == string(model.AccessRegex) && len(s.Entries) > model.MaxNativeAccess:
		r.bad("spec.entries", "of regular expressions each is tried for each request: want at most %d, got %d", model.MaxNativeAccess, len(s.Entries))
	}
	return r.problems
}

func (s *AccessListSpec) validateKey(r *report) {
	header, isHeader := headerKey(s.Key)
	_, isDeclared := declaredName(s.Key)
	switch {
	case s.Key == "":
		r.missing("spec.key", "which value? request.headers['NAME'], attribute.NAME or source.address")
	case isHeader && header == peerHeader, toldOnly(s.Key):
		r.unverified("spec.key", s.Key)
	case !isHeader && !isDeclared && s.Key != keyAddress:
		r.bad("spec.key", "want request.headers['NAME'], attribute.NAME or source.address")
	}
	if s.Match != "" {
		r.oneOf(s.Match, "spec.match", "EXACT", "CASE_INSENSITIVE", "CIDR", "REGEX")
	}
	if s.Key == keyAddress && s.Match != "" && s.Match != string(model.AccessCIDR) {
		r.bad("spec.match", "addresses are compared as CIDR")
	}
}

func convertAccessList(c *conversion) Content {
	in := &AccessListSpec{}
	if !c.read(in) {
		return Content{}
	}
	c.include(in.Validate())
	out := &model.AccessList{Object: c.object.Ref, Selector: c.selector(in.Selector.MatchLabels, "spec.selector.matchLabels"),
		Action: model.Action(in.Action), Ports: in.Ports, Match: model.AccessMatch(in.Match), Entries: in.Entries}
	if in.Match == "" {
		out.Match = model.AccessExact
		if in.Key == keyAddress {
			out.Match = model.AccessCIDR
		}
	}
	if header, ok := headerKey(in.Key); ok {
		out.Header = header
	} else if name, ok := declaredName(in.Key); ok {
		out.Attribute = name
	}
	for i, e := range out.Entries {
		switch at := index("spec.entries", i); out.Match {
		case model.AccessCIDR:
			out.Entries[i] = c.cidr(e, at)
		case model.AccessRegex:
			c.regex(e, at)
		}
	}
	return Content{AccessList: out}
}
