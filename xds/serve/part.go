package serve

import (
	"fmt"
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

// Encoder makes parts. It encodes a message once, however many parts it is
// in, as long as each round asks for it. It is used by one goroutine.
type Encoder struct {
	kept  map[proto.Message]*kept
	round uint64
}

type kept struct {
	resource *resource
	used     uint64 // the last round
}

// NewEncoder makes an encoder that knows nothing yet.
func NewEncoder() *Encoder { return &Encoder{kept: map[proto.Message]*kept{}} }

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
	if k, ok := e.kept[m]; ok && k.resource.name == name {
		k.used = e.round
		return k.resource, nil
	}
	r, err := encode(name, m)
	if err == nil {
		e.kept[m] = &kept{r, e.round}
	}
	return r, err
}

// Sweep ends a round, and forgets the messages that it did not ask for.
func (e *Encoder) Sweep() {
	for m, k := range e.kept {
		if k.used != e.round {
			delete(e.kept, m)
		}
	}
	e.round++
}
