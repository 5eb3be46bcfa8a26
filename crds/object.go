package crds

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// DefaultNamespace is where an object is that names none.
const DefaultNamespace = "default"

// Object is one object as it was declared, before anything is known about
// its kind.
type Object struct {
	Ref        model.Ref
	APIVersion string
	Origin     model.Origin
	Root       *Node // the whole document

	lines map[string]int // where Root was parsed
	moved int            // lines that the document has moved by since
}

// Dir is the folder of the file that declares the object; relative paths in
// the object start there.
func (o *Object) Dir() string { return filepath.Dir(o.Origin.File) }

// LineOf is the line of a field ("spec.http[0].match[1].uri"), or of its
// nearest parent that was declared.
func (o *Object) LineOf(field string) int {
	if o.lines == nil {
		o.lines = map[string]int{}
		indexLines(o.lines, "", o.Root)
	}
	return lineOf(o.lines, field, o.Origin.Line-o.moved) + o.moved
}

// At is LineOf as a place.
func (o *Object) At(field string) model.Origin {
	return model.Origin{File: o.Origin.File, Line: o.LineOf(field)}
}

// Annotation gives one of the object's annotations, or "".
func (o *Object) Annotation(name string) string {
	return o.Root.Field("metadata").Field("annotations").Field(name).Text()
}

// created is metadata.creationTimestamp; empty where the object has none.
func (o *Object) created() string {
	return o.Root.Field("metadata").Field("creationTimestamp").Text()
}

// mostLines is how many members of one mapping have lines of their own. More
// are data, within which nothing has a problem.
const mostLines = 1000

func indexLines(lines map[string]int, path string, n *Node) {
	if n == nil || len(n.Fields) > mostLines {
		return
	}
	for _, f := range n.Fields {
		p := join(path, f.Name)
		lines[p] = f.Line
		indexLines(lines, p, f.Value)
	}
	for i, item := range n.Items {
		p := index(path, i)
		lines[p] = item.Line
		indexLines(lines, p, item)
	}
}

func lineOf(lines map[string]int, field string, fallback int) int {
	for field != "" {
		if l, ok := lines[field]; ok {
			return l
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return fallback
}

// join appends a name to a field path; names with dots or slashes (labels)
// are written ["so"].
func join(path, name string) string {
	switch {
	case strings.ContainsAny(name, "./[]\" "):
		return path + "[" + strconv.Quote(name) + "]"
	case path == "":
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
