package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// LimitCharge is what one limit does with a request.
type LimitCharge struct {
	Limit    string         `json:"limit"` // model.Limit.ID
	Charged  bool           `json:"charged"`
	Why      string         `json:"why,omitempty"` // not charged because
	Key      []KeyValue     `json:"key,omitempty"` // of the bucket; none: one bucket for all
	Requests uint32         `json:"requests"`
	Per      model.Duration `json:"per"`
	Burst    uint32         `json:"burst"` // the bucket's size
}

// KeyValue is one part of a bucket's key.
type KeyValue struct {
	Attribute string `json:"attribute"`
	Value     string `json:"value"`
}

// absentKey is the value of a key's part that a request lacks: all of those
// share a bucket.
const absentKey = "-"

// Charge says whether a limit counts a request, and in which bucket. Conditions
// on the caller or on query parameters never count at the server yet.
func Charge(l model.Limit, v View) LimitCharge {
	c := LimitCharge{Limit: l.ID(), Requests: l.Requests, Per: l.Per, Burst: l.Burst}
	var whys []string
	matched := len(l.Matches) == 0
	for i, m := range l.Matches {
		ok, why := matchLimit(m, v)
		matched = matched || ok
		whys = append(whys, fmt.Sprintf("match[%d]: %s", i, why))
	}
	if !matched {
		c.Why = strings.Join(whys, "; ")
		return c
	}
	for _, w := range l.When {
		if c.Why = limitConditionFails(w, v); c.Why != "" {
			return c
		}
	}
	for _, name := range l.Key {
		value, ok := requestAttribute(name, v)
		if !ok {
			value = absentKey
		}
		c.Key = append(c.Key, KeyValue{name, value})
	}
	c.Charged = true
	return c
}

func matchLimit(m model.HTTPMatch, v View) (ok bool, why string) {
	if len(m.SourceLabels) > 0 || m.SourceNamespace != "" || len(m.Gateways) > 0 || len(m.Query) > 0 {
		return false, "asks for what a limit does not see yet"
	}
	if m.Port != 0 && m.Port != v.Port {
		return false, fmt.Sprintf("port is %d, not %d", v.Port, m.Port)
	}
	return matchHTTP(m, v, func(name string) []string { // a limit's expression sees one value, joined
		if value, ok := v.Header(name); ok {
			return []string{value}
		}
		return nil
	})
}

// certified is what a caller's certificate says, where it has one; a principal
// of another form than the mesh's says nothing that is known.
func certified(name, principal string) (string, bool) {
	if principal == "" {
		return "", false
	}
	part := strings.Split(principal, "/")
	switch {
	case len(part) != 5 || part[1] != "ns" || part[3] != "sa" || slices.Contains(part, ""):
		return "unknown", true
	case name == "source.namespace":
		return part[2], true
	case name == "source.service_account":
		return part[4], true
	}
	return principal, true
}

// requestAttribute gives the value of a key's attribute.
func requestAttribute(name string, v View) (string, bool) {
	if header, ok := strings.CutPrefix(name, "request.headers["); ok {
		return v.Header(strings.Trim(header, "'\"]"))
	}
	if a, ok := v.Attributes[strings.TrimPrefix(name, "attribute.")]; ok {
		return a.Shown(), true
	}
	path, query := v.Target()
	switch name {
	case "source.address":
		return v.Remote, true
	case "source.principal", "source.namespace", "source.service_account":
		return certified(name, v.Principal)
	case "request.method":
		return v.Method, true
	case "request.path":
		return v.Path, true
	case "request.url_path":
		return path, true
	case "request.query":
		return query, true
	case "request.host":
		return v.Authority, true
	case "request.scheme":
		return v.Scheme, true
	case "request.useragent":
		return v.Header("user-agent")
	case "request.referer":
		return v.Header("referer")
	}
	return "", false
}
