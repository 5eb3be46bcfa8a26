package crds

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// conversion is one object on its way to an Entry.
type conversion struct {
	*report
	opts Options
	spec map[string]any // checked; nil where it is not an object
}

// read fills a Go struct or a protobuf message from the checked spec.
func (c *conversion) read(into any) bool {
	b, err := json.Marshal(plainDurations(c.spec))
	if err == nil {
		if m, ok := into.(proto.Message); ok {
			err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, m)
		} else {
			err = json.Unmarshal(b, into)
		}
	}
	if err != nil {
		c.bad("spec", "reading the spec: %v", err)
	}
	return err == nil
}

// plainDurations writes durations in seconds, the only form that protojson
// knows.
func plainDurations(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = plainDurations(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = plainDurations(e)
		}
		return out
	case time.Duration:
		return secondsText(x)
	}
	return v
}

func secondsText(d time.Duration) string {
	text := fmt.Sprintf("%d.%09ds", d/time.Second, (d % time.Second).Abs())
	if d < 0 && !strings.HasPrefix(text, "-") {
		text = "-" + text
	}
	return text
}

// checkMetadata reports fields that no Kubernetes object has.
func (c *conversion) checkMetadata(k kind) {
	if !k.top {
		c.onlyFields(c.object.Root, "", []string{"apiVersion", "kind", "metadata", "spec", "status"})
	}
	c.onlyFields(c.object.Root.Field("metadata"), "metadata", []string{"name", "namespace", "generateName", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations",
		"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "finalizers", "ownerReferences", "selfLink"})
	for _, f := range []string{"labels", "annotations"} {
		c.textMap(c.object.Root.Field("metadata").Field(f), "metadata."+f)
	}
}

func (c *conversion) onlyFields(n *Node, path string, known []string) {
	if n == nil {
		return
	}
	for _, f := range n.Fields {
		found := false
		for _, k := range known {
			found = found || k == f.Name
		}
		if !found {
			at := join(path, f.Name)
			c.add("error", "KR0003", at, meant(f.Name, known), "unknown field %s", strconv.Quote(f.Name))
		}
	}
}

func (c *conversion) textMap(n *Node, path string) {
	if n == nil || n.Kind == Null {
		return
	}
	if n.Kind != Mapping {
		c.bad(path, "want an object, got %s", describe(n))
		return
	}
	for _, f := range n.Fields {
		if _, ok := f.Value.Value.(string); !ok {
			c.add("error", "KR0004", join(path, f.Name), "put it in quotes", "want text, got %s", describe(f.Value))
		}
	}
}
