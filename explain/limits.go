package explain

import (
	"fmt"
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

// Charge says whether a limit counts a request, and in which bucket. A
// request that lacks a part of the key is not counted.
func Charge(l model.Limit, v View) LimitCharge {
	c := LimitCharge{Limit: l.ID(), Requests: l.Requests, Per: l.Per, Burst: l.Burst}
	var whys []string
	matched := len(l.Matches) == 0
	for i, m := range l.Matches {
		ok, why := MatchHTTP(m, v)
		matched = matched || ok
		whys = append(whys, fmt.Sprintf("match[%d]: %s", i, why))
	}
	if !matched {
		c.Why = strings.Join(whys, "; ")
		return c
	}
	for _, name := range l.Key {
		value, ok := requestAttribute(name, v)
		if !ok {
			c.Why = name + " is absent"
			return c
		}
		c.Key = append(c.Key, KeyValue{name, value})
	}
	c.Charged = true
	return c
}

// requestAttribute gives the value of a key's attribute.
func requestAttribute(name string, v View) (string, bool) {
	if header, ok := strings.CutPrefix(name, "request.headers['"); ok {
		return v.Header(strings.TrimSuffix(header, "']"))
	}
	path, query := v.Target()
	switch name {
	case "source.address":
		return v.Remote, true
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
	}
	return "", false
}
