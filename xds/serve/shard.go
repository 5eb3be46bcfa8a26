package serve

import (
	"slices"
	"strings"
	"sync"
	"weak"
)

// shard is all resources of one type in a part.
type shard struct {
	typeURL   string
	digest    digest      // of all names and bytes
	resources []*resource // by name
	routes    []string    // of virtual hosts: their route configurations, sorted

	mu sync.Mutex
	// since are the names that changed after an older shard: many proxies
	// come from the same one. Weak, so that no chain of old ones is kept.
	since map[weak.Pointer[shard]][]string
}

// newShard takes the list over.
func newShard(typeURL string, list []*resource) *shard {
	slices.SortFunc(list, func(a, b *resource) int { return strings.Compare(a.name, b.name) })
	s := &shard{typeURL: typeURL, resources: list, digest: digestOfAll(list)}
	if typeURL == TypeVirtualHost {
		for _, r := range list {
			s.routes = append(s.routes, routeConfigurationOf(r.name))
		}
		slices.Sort(s.routes)
		s.routes = slices.Clip(slices.Compact(s.routes))
	}
	return s
}

// find gives a resource by name, nil if the shard has none.
func (s *shard) find(name string) *resource {
	i, ok := slices.BinarySearchFunc(s.resources, name, func(r *resource, name string) int { return strings.Compare(r.name, name) })
	if !ok {
		return nil
	}
	return s.resources[i]
}

// changed gives the names, sorted, of which the bytes, or the absence, differ
// from an older shard's. The list is shared.
func (s *shard) changed(old *shard) []string {
	if s == emptyShard {
		return differences(old.resources, nil) // it lives for ever, and is to keep nothing
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := weak.Make(old)
	names, ok := s.since[key]
	if !ok {
		names = differences(old.resources, s.resources)
		if s.since == nil {
			s.since = map[weak.Pointer[shard]][]string{}
		}
		s.since[key] = names
	}
	return names
}

// differences walks two sorted lists.
func differences(a, b []*resource) []string {
	var out []string
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].name < b[0].name:
			out, a = append(out, a[0].name), a[1:]
		case len(a) == 0 || b[0].name < a[0].name:
			out, b = append(out, b[0].name), b[1:]
		default:
			if a[0] != b[0] && a[0].digest != b[0].digest {
				out = append(out, b[0].name)
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}
