package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The bounds of a schema, once every reference in it is written out. Without
// them a few lines that refer to each other would keep the checker busy for
// hours.
const (
	maxNodes = 20000
	maxDepth = 64
)

// bounded refuses what is too large, and what contains itself.
func bounded(document any) error {
	w := &walk{document: document}
	return w.node(document, 0, nil)
}

type walk struct {
	document any
	nodes    int
}

func (w *walk) node(v any, depth int, within []string) error {
	if w.nodes++; w.nodes > maxNodes || depth > maxDepth {
		return fmt.Errorf("the schema has more than %d parts, or more than %d within each other, once its references are written out", maxNodes, maxDepth)
	}
	switch v := v.(type) {
	case json.Number:
		if unwieldy(v) {
			return errors.New("the schema has a number of too many digits")
		}
	case []any:
		for _, item := range v {
			if err := w.node(item, depth+1, within); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, item := range v {
			if err := w.node(item, depth+1, within); err != nil {
				return err
			}
			if err := w.reference(name, item, depth, within); err != nil {
				return err
			}
		}
	}
	return nil
}

// reference follows a $ref, which stays within the document.
func (w *walk) reference(name string, target any, depth int, within []string) error {
	if name == "$dynamicRef" || name == "$recursiveRef" || name == "$anchor" || name == "$dynamicAnchor" || name == "$id" {
		return errors.New("the schema has " + name + `: write "$ref": "#/$defs/NAME" instead`)
	}
	to, isText := target.(string)
	if name != "$ref" || !isText {
		return nil
	}
	for _, other := range within {
		if other == to {
			return errors.New("the schema contains itself, by " + to)
		}
	}
	path, ok := strings.CutPrefix(to, "#/")
	if !ok {
		return errors.New("the schema refers to " + to + ", which is not part of it")
	}
	at := w.document
	for part := range strings.SplitSeq(path, "/") {
		m, ok := at.(map[string]any)
		if ok {
			at, ok = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
		}
		if !ok {
			return errors.New("the schema refers to " + to + ", which is not there")
		}
	}
	return w.node(at, depth+1, append(within[:len(within):len(within)], to))
}
