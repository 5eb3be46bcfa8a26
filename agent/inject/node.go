package inject

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// find gives what stands at a path of names, or nil.
func find(n *yaml.Node, path ...string) *yaml.Node {
	if n != nil && n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	for _, name := range path {
		i := index(n, name)
		if i < 0 {
			return nil
		}
		n = n.Content[i]
	}
	return n
}

// index is the place of an entry's value in a mapping, or -1.
func index(n *yaml.Node, name string) int {
	if n == nil || n.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return i + 1
		}
	}
	return -1
}

// text gives the scalar at a path, or "".
func text(n *yaml.Node, path ...string) string {
	if n = find(n, path...); n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return ""
	}
	return n.Value
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// child gives a mapping's entry as a node of a kind, which it makes where there
// is none. Both are then written in lines, not in braces: what is added to them
// has lines of its own.
func child(n *yaml.Node, name string, kind yaml.Kind) (*yaml.Node, error) {
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("a mapping is wanted, with %s", name)
	}
	n.Style &^= yaml.FlowStyle
	i := index(n, name)
	if i < 0 {
		n.Content = append(n.Content, key(name), &yaml.Node{Kind: kind})
		return n.Content[len(n.Content)-1], nil
	}
	c := n.Content[i]
	if isNull(c) {
		c = &yaml.Node{Kind: kind, HeadComment: c.HeadComment, LineComment: c.LineComment, FootComment: c.FootComment}
		n.Content[i] = c
	}
	if c.Kind != kind {
		return nil, fmt.Errorf("%s is not of its kind", name)
	}
	c.Style &^= yaml.FlowStyle
	return c, nil
}

// set gives a mapping's entry a value.
func set(n *yaml.Node, name string, value any) error {
	v, err := node(value)
	if err != nil {
		return err
	}
	if i := index(n, name); i >= 0 {
		n.Content[i] = v
		return nil
	}
	n.Content = append(n.Content, key(name), v)
	return nil
}

func key(name string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
}

// node turns a Go value into its tree.
func node(value any) (*yaml.Node, error) {
	if n, ok := value.(*yaml.Node); ok {
		return n, nil
	}
	var n yaml.Node
	if err := n.Encode(value); err != nil {
		return nil, err
	}
	return &n, nil
}

// add puts items at the end of a list, or at its beginning.
func add[T any](list *yaml.Node, first bool, items ...T) error {
	var nodes []*yaml.Node
	for _, item := range items {
		n, err := node(item)
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	if first {
		list.Content = append(nodes, list.Content...)
	} else {
		list.Content = append(list.Content, nodes...)
	}
	return nil
}
