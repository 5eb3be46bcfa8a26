package inject

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// podPaths tells where an object of a group and kind has its Pod.
var podPaths = map[string][]string{
	"/Pod":                   {},
	"/ReplicationController": {"spec", "template"},
	"apps/Deployment":        {"spec", "template"},
	"apps/StatefulSet":       {"spec", "template"},
	"apps/DaemonSet":         {"spec", "template"},
	"apps/ReplicaSet":        {"spec", "template"},
	"batch/Job":              {"spec", "template"},
	"batch/CronJob":          {"spec", "jobTemplate", "spec", "template"},
}

// podPath gives the path, and whether the object is one that has a Pod. Kinds
// of the same name in other groups have Pods of other forms.
func podPath(object *yaml.Node) ([]string, bool) {
	path, ok := podPaths[group(object)+"/"+kind(object)]
	return path, ok
}

func kind(object *yaml.Node) string { return text(object, "kind") }

// group is that of the API, "" for Kubernetes' core.
func group(object *yaml.Node) string {
	g, _, ok := strings.Cut(text(object, "apiVersion"), "/")
	if !ok {
		return ""
	}
	return g
}

// each visits a document's object, or those of a List.
func each(n *yaml.Node, visit func(object *yaml.Node)) {
	object := find(n)
	if object == nil || object.Kind != yaml.MappingNode {
		return
	}
	if items := find(object, "items"); items != nil && kind(object) == "List" && items.Kind == yaml.SequenceNode {
		for _, item := range items.Content {
			each(item, visit)
		}
		return
	}
	visit(object)
}
