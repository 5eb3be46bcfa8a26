package serve

import (
	"crypto/sha256"
	"iter"
	"slices"
)

// encoded is all that one node shall have. It never changes.
type encoded struct {
	groups map[string]*group // by type URL
}

// group is all resources of one type that a node shall have: a shard of each
// part that has any. Where two have the same name, the first counts.
type group struct {
	shards []*shard
}

var emptyGroup = &group{}

// newEncoded joins parts. What is as it was in the set before is the same
// shards and groups, so that nobody looks for a change in it.
func newEncoded(parts []*Part, before *encoded) *encoded {
	e := &encoded{groups: map[string]*group{}}
	for _, p := range parts {
		for _, s := range p.shards {
			g := e.groups[s.typeURL]
			if g == nil {
				g = &group{}
				e.groups[s.typeURL] = g
			}
			g.shards = append(g.shards, s)
		}
	}
	for typeURL, g := range e.groups {
		old := before.group(typeURL)
		same := len(old.shards) == len(g.shards)
		for i, s := range g.shards {
			if i < len(old.shards) && old.shards[i].digest == s.digest {
				g.shards[i] = old.shards[i]
			} else {
				same = false
			}
		}
		if same {
			e.groups[typeURL] = old
		}
	}
	return e
}

// group returns the resources of a type, an empty one where there are none.
func (e *encoded) group(typeURL string) *group {
	if e != nil {
		if g, ok := e.groups[typeURL]; ok {
			return g
		}
	}
	return emptyGroup
}

// find gives a resource by name, nil if there is none.
func (g *group) find(name string) *resource {
	for _, s := range g.shards {
		if r := s.find(name); r != nil {
			return r
		}
	}
	return nil
}

// want is the digest of the bytes that a name shall have; absent if none.
func (g *group) want(name string) digest {
	if r := g.find(name); r != nil {
		return r.digest
	}
	return absent
}

// all gives every resource.
func (g *group) all() iter.Seq[*resource] {
	return func(yield func(*resource) bool) {
		for _, s := range g.shards {
			for _, r := range s.resources {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// count is the number of resources.
func (g *group) count() (n int) {
	for _, s := range g.shards {
		n += len(s.resources)
	}
	return n
}

// hasHosts tells whether a route configuration has a virtual host in a group
// of virtual hosts.
func (g *group) hasHosts(routes string) bool {
	for _, s := range g.shards {
		if _, ok := slices.BinarySearch(s.routes, routes); ok {
			return true
		}
	}
	return false
}

// version is a digest of all names and bytes.
func (g *group) version() string {
	if len(g.shards) == 1 {
		return g.shards[0].digest.String()
	}
	h := sha256.New()
	for _, s := range g.shards {
		h.Write(s.digest[:])
	}
	return digest(h.Sum(nil)[:16]).String()
}

// changed gives the names, sorted, whose resources may differ between two
// groups; every one that does is among them. The list may be shared.
func changed(old, new *group) []string {
	if old == new {
		return nil
	}
	from, to := without(old.shards, new.shards), without(new.shards, old.shards)
	var out []string
	for i := range max(len(from), len(to)) {
		was, is := emptyShard, emptyShard
		if i < len(from) {
			was = from[i]
		}
		if i < len(to) {
			is = to[i]
		}
		if names := is.changed(was); len(out) == 0 {
			out = names
		} else if len(names) > 0 {
			out = slices.Concat(out, names)
			slices.Sort(out)
			out = slices.Compact(out)
		}
	}
	return out
}

var emptyShard = &shard{}

// without gives the shards that are not among others.
func without(list, others []*shard) []*shard {
	var out []*shard
	for _, s := range list {
		if !slices.Contains(others, s) {
			out = append(out, s)
		}
	}
	return out
}
