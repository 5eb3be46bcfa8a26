// Package diff compares what proxies are configured with before and after an
// edit: in go resources by proxy, out go the changes, said once for all
// proxies that they are the same for. It shows no private key.
package diff

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
)

// Set is what one proxy has, by type URL and name.
type Set = map[string]map[string]proto.Message

// Kind says what becomes of a resource.
type Kind string

// What becomes of a resource.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	Changed Kind = "changed"
)

// Report is what an edit changes.
type Report struct {
	Classes   []Class  `json:"classes"`             // by their first proxy
	Unchanged []string `json:"unchanged,omitempty"` // proxies
}

// Class is all proxies with the same changes.
type Class struct {
	Proxies []string `json:"proxies"`
	// Proxy is Added or Removed where these proxies are.
	Proxy   Kind     `json:"proxy,omitempty"`
	Changes []Change `json:"changes"`
}

// Change is one resource that differs.
type Change struct {
	Type   string  `json:"type"` // "Cluster"
	Name   string  `json:"name"`
	Change Kind    `json:"change"`
	Fields []Field `json:"fields,omitempty"` // of a changed one
}

// Field is one value that differs; nil: it is not there.
type Field struct {
	Path string `json:"path"`
	From any    `json:"from,omitempty"`
	To   any    `json:"to,omitempty"`
}

// order is that in which a request meets the types.
var order = []string{"Listener", "RouteConfiguration", "VirtualHost", "TypedExtensionConfig", "Cluster", "ClusterLoadAssignment", "Secret"}

// Compare reports what differs between two configurations of proxies.
func Compare(before, after map[string]Set) (Report, error) {
	c := &comparison{known: map[pair][]Field{}}
	report, classes := Report{Classes: []Class{}}, map[string]int{}
	ids := slices.Sorted(maps.Keys(before))
	for id := range after {
		if _, known := before[id]; !known {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		class, err := c.proxy(before, after, id)
		if err != nil {
			return Report{}, err
		}
		if len(class.Changes) == 0 && class.Proxy == "" {
			report.Unchanged = append(report.Unchanged, id)
			continue
		}
		key := class.key()
		if i, known := classes[key]; known {
			report.Classes[i].Proxies = append(report.Classes[i].Proxies, id)
			continue
		}
		classes[key] = len(report.Classes)
		report.Classes = append(report.Classes, class)
	}
	return report, nil
}

// comparison remembers what it compared: proxies share resources.
type comparison struct{ known map[pair][]Field }

type pair struct{ before, after proto.Message }

func (c *comparison) proxy(before, after map[string]Set, id string) (Class, error) {
	class := Class{Proxies: []string{id}, Changes: []Change{}}
	old, had := before[id]
	now, has := after[id]
	switch {
	case !had:
		class.Proxy = Added
	case !has:
		class.Proxy = Removed
	}
	types := map[string]bool{}
	for _, set := range []Set{old, now} {
		for typeURL := range set {
			types[typeURL] = true
		}
	}
	for _, typeURL := range slices.SortedFunc(maps.Keys(types), byOrder) {
		changes, err := c.resources(short(typeURL), old[typeURL], now[typeURL])
		if err != nil {
			return class, err
		}
		class.Changes = append(class.Changes, changes...)
	}
	return class, nil
}

func (c *comparison) resources(kind string, old, now map[string]proto.Message) (out []Change, err error) {
	names := map[string]bool{}
	for _, set := range []map[string]proto.Message{old, now} {
		for name := range set {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, had := old[name]
		after, has := now[name]
		switch {
		case !had:
			out = append(out, Change{Type: kind, Name: name, Change: Added})
		case !has:
			out = append(out, Change{Type: kind, Name: name, Change: Removed})
		default:
			fields, err := c.fields(before, after)
			if err != nil {
				return nil, err
			}
			if len(fields) > 0 {
				out = append(out, Change{Type: kind, Name: name, Change: Changed, Fields: fields})
			}
		}
	}
	return out, nil
}

// byOrder compares type URLs by order, unknown ones last.
func byOrder(a, b string) int {
	at := func(url string) int {
		if i := slices.Index(order, short(url)); i >= 0 {
			return i
		}
		return len(order)
	}
	if d := at(a) - at(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

func short(typeURL string) string { return typeURL[strings.LastIndexAny(typeURL, "./")+1:] }
