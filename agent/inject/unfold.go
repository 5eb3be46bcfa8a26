package inject

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// maxValues and maxDepth bound what a document's aliases may unfold to:
// anchors can be nested so that a few lines mean billions.
const (
	maxValues = 100_000
	maxDepth  = 200
)

var errTooLarge = errors.New("it unfolds to too many values")

// unfolding resolves aliases and merge keys: what two objects share by an
// anchor must not be changed through one of them.
type unfolding struct {
	aliases int // how many we are inside of
	left    int // values that aliases may still unfold to
}

// unfold gives a document's tree without aliases, merge keys, or two entries
// of one name.
func unfold(n *yaml.Node) (*yaml.Node, error) {
	u := &unfolding{left: maxValues}
	return u.copy(n, 0)
}

func (u *unfolding) copy(n *yaml.Node, depth int) (*yaml.Node, error) {
	if u.aliases > 0 {
		u.left--
	}
	if u.left < 0 || depth > maxDepth {
		return nil, fmt.Errorf("line %d: %w", n.Line, errTooLarge)
	}
	if n.Kind == yaml.AliasNode {
		u.aliases++
		out, err := u.copy(n.Alias, depth+1)
		u.aliases--
		return out, err
	}
	out := *n
	out.Anchor, out.Content = "", nil
	if n.Kind == yaml.MappingNode {
		return &out, u.mapping(n, &out, depth)
	}
	for _, c := range n.Content {
		item, err := u.copy(c, depth+1)
		if err != nil {
			return nil, err
		}
		out.Content = append(out.Content, item)
	}
	return &out, nil
}

// mapping copies entries: a mapping's own first, then what it merges, where
// the first one of a name counts.
func (u *unfolding) mapping(from, to *yaml.Node, depth int) error {
	known := map[string]bool{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(from.Content); i += 2 {
		key := from.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: a key that is no text", key.Line)
		}
		value, err := u.copy(from.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if known[key.Value] {
			return fmt.Errorf("line %d: %q is there twice", key.Line, key.Value)
		}
		known[key.Value] = true
		name := *key
		name.Anchor = ""
		to.Content = append(to.Content, &name, value)
	}
	for len(merged) > 0 {
		m := merged[0]
		merged = merged[1:]
		switch m.Kind {
		case yaml.SequenceNode:
			merged = append(append([]*yaml.Node(nil), m.Content...), merged...)
		case yaml.MappingNode:
			for i := 0; i+1 < len(m.Content); i += 2 {
				if !known[m.Content[i].Value] {
					known[m.Content[i].Value] = true
					to.Content = append(to.Content, m.Content[i], m.Content[i+1])
				}
			}
		default:
			return fmt.Errorf("line %d: only a mapping can be merged", m.Line)
		}
	}
	return nil
}
