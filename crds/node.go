package crds

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// NodeKind is what a Node holds.
type NodeKind string

const (
	Null    NodeKind = "null"
	Scalar  NodeKind = "scalar"
	List    NodeKind = "list"
	Mapping NodeKind = "mapping"
)

// Node is a piece of a declared document that knows its line. Anchors and
// merge keys are already resolved.
type Node struct {
	Kind   NodeKind
	Line   int
	Value  any // of a Scalar: string, bool, int64, uint64 or float64
	Items  []*Node
	Fields []NodeField // in order of declaration; names are unique
}

// NodeField is one entry of a Mapping.
type NodeField struct {
	Name  string
	Line  int
	Value *Node
}

// maxUnfolded bounds the values that a document's aliases may unfold to:
// anchors can be nested so that a few lines mean billions. What is written
// out is bounded by the file's size.
const maxUnfolded = 100_000

// Field gives a Mapping's entry, or nil.
func (n *Node) Field(name string) *Node {
	if n == nil {
		return nil
	}
	for _, f := range n.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

// Text gives a Scalar that is a string, or "".
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	s, _ := n.Value.(string)
	return s
}

// Interface gives the node as encoding/json would decode it.
func (n *Node) Interface() any {
	switch {
	case n == nil || n.Kind == Null:
		return nil
	case n.Kind == List:
		out := make([]any, 0, len(n.Items))
		for _, i := range n.Items {
			out = append(out, i.Interface())
		}
		return out
	case n.Kind == Mapping:
		out := make(map[string]any, len(n.Fields))
		for _, f := range n.Fields {
			out[f.Name] = f.Value.Interface()
		}
		return out
	}
	return n.Value
}

// nodeReader turns YAML nodes into Nodes.
type nodeReader struct {
	aliases int // how many we are inside of
	left    int // values that aliases may still unfold to
}

var errTooLarge = errors.New("the document unfolds to too many values")

func readNode(y *yaml.Node) (*Node, error) {
	r := &nodeReader{left: maxUnfolded}
	return r.read(y, 0)
}

func (r *nodeReader) read(y *yaml.Node, depth int) (*Node, error) {
	if r.aliases > 0 {
		r.left--
	}
	if r.left < 0 || depth > 200 {
		return nil, fmt.Errorf("line %d: %w", y.Line, errTooLarge)
	}
	switch y.Kind {
	case yaml.DocumentNode:
		return r.read(y.Content[0], depth+1)
	case yaml.AliasNode:
		r.aliases++
		n, err := r.read(y.Alias, depth+1)
		r.aliases--
		if err != nil {
			return nil, err
		}
		n.Line = y.Line
		return n, nil
	case yaml.SequenceNode:
		n := &Node{Kind: List, Line: y.Line}
		for _, c := range y.Content {
			i, err := r.read(c, depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, i)
		}
		return n, nil
	case yaml.MappingNode:
		return r.mapping(y, depth)
	case yaml.ScalarNode:
		return scalar(y)
	}
	return nil, fmt.Errorf("line %d: not a YAML value", y.Line)
}

func (r *nodeReader) mapping(y *yaml.Node, depth int) (*Node, error) {
	n := &Node{Kind: Mapping, Line: y.Line}
	var merged []NodeField
	seen := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		value, err := r.read(v, depth+1)
		if err != nil {
			return nil, err
		}
		if k.Tag == "!!merge" {
			merged = append(merged, mergedFields(value)...)
			continue
		}
		if k.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: a key is not a plain word", k.Line)
		}
		if seen[k.Value] {
			return nil, fmt.Errorf("line %d: the key %q is given twice", k.Line, k.Value)
		}
		seen[k.Value] = true
		n.Fields = append(n.Fields, NodeField{k.Value, k.Line, value})
	}
	for _, f := range merged {
		if !seen[f.Name] {
			seen[f.Name] = true
			n.Fields = append(n.Fields, f)
		}
	}
	return n, nil
}

// mergedFields are what "<<: *anchor" or "<<: [*a, *b]" brings in.
func mergedFields(n *Node) []NodeField {
	out := append([]NodeField(nil), n.Fields...)
	for _, i := range n.Items {
		out = append(out, i.Fields...)
	}
	return out
}

func scalar(y *yaml.Node) (*Node, error) {
	n := &Node{Kind: Scalar, Line: y.Line, Value: y.Value}
	switch y.ShortTag() {
	case "!!null":
		return &Node{Kind: Null, Line: y.Line}, nil
	case "!!bool":
		b, err := strconv.ParseBool(y.Value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is no boolean", y.Line, y.Value)
		}
		n.Value = b
	case "!!int":
		var i int64
		var u uint64
		if y.Decode(&i) == nil {
			n.Value = i
		} else if y.Decode(&u) == nil {
			n.Value = u
		} else {
			return nil, fmt.Errorf("line %d: %q is no number that fits", y.Line, y.Value)
		}
	case "!!float":
		var f float64
		if err := y.Decode(&f); err != nil || f != f || f > 1e300 || f < -1e300 {
			return nil, fmt.Errorf("line %d: %q is no number that fits", y.Line, y.Value)
		}
		n.Value = f
	case "!!binary":
		b, err := base64.StdEncoding.DecodeString(y.Value)
		if err != nil {
			return nil, fmt.Errorf("line %d: not base64: %w", y.Line, err)
		}
		n.Value = string(b)
	}
	return n, nil
}
