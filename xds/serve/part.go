package serve

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
)

// Set is resources by type URL and name. A resource that is an *anypb.Any
// already is taken as it is. A type that is absent is a type with no resources.
type Set map[string]map[string]proto.Message

// Part is a share of what proxies shall have, encoded once for all that have
// it. It never changes: the same pointer is the same content.
type Part struct {
	shards []*shard // by type URL
}

// Encoder makes parts. A message that is in a part that lives is not encoded
// again. It is used by one goroutine.
type Encoder struct {
	kept map[proto.Message]*resource
	live int // of them, when last counted
}

// NewEncoder makes an encoder that knows nothing yet.
func NewEncoder() *Encoder { return &Encoder{kept: map[proto.Message]*resource{}} }

// Part encodes a set. Its messages must not be changed afterwards.
func (e *Encoder) Part(set Set) (*Part, error) {
	p := &Part{}
	for typeURL, resources := range set {
		if len(resources) == 0 {
			continue
		}
		list := make([]*resource, 0, len(resources))
		for name, m := range resources {
			r, err := e.encode(name, m)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", short(typeURL), err)
			}
			list = append(list, r)
		}
		p.shards = append(p.shards, newShard(typeURL, list))
	}
	slices.SortFunc(p.shards, func(a, b *shard) int { return strings.Compare(a.typeURL, b.typeURL) })
	return p, nil
}

func (e *Encoder) encode(name string, m proto.Message) (*resource, error) {
	if r, ok := e.kept[m]; ok && r.name == name {
		return r, nil
	}
	r, err := encode(name, m)
	if err == nil {
		e.kept[m] = r
	}
	return r, err
}

// Sweep forgets what is in no living part, if there is much of it.
func (e *Encoder) Sweep(living iter.Seq[*Part]) {
	if len(e.kept) < 2*e.live+1000 {
		return
	}
	clear(e.kept)
	for p := range living {
		for _, s := range p.shards {
			for _, r := range s.resources {
				e.kept[r.message] = r
			}
		}
	}
	e.live = len(e.kept)
}

// Mentions tells whether any resource of a type has a text in its bytes.
func (p *Part) Mentions(typeURL string, text []byte) bool {
	for _, s := range p.shards {
		if s.typeURL == typeURL {
			return slices.ContainsFunc(s.resources, func(r *resource) bool { return bytes.Contains(r.frame, text) })
		}
	}
	return false
}

// Holds tells whether any resource has a text in its bytes.
func (p *Part) Holds(text []byte) bool {
	return slices.ContainsFunc(p.shards, func(s *shard) bool { return p.Mentions(s.typeURL, text) })
}
