// Package inject turns Kubernetes YAML into the same YAML with a sidecar and
// an init container that redirects traffic to it. It is pure, changes no
// document that holds no Pod, and refuses what it cannot give a sidecar: a
// workload without one would go round every policy.
package inject

import (
	"bytes"
	"strings"

	"github.com/krater-mesh/krater/model"
	"go.yaml.in/yaml/v3"
)

// File is one input, with the name that Problems give.
type File struct {
	Name string
	Data []byte
}

// Inject gives the files' documents in order, as one stream. Where a Problem
// is an Error, nothing of it is to be applied.
func Inject(files []File, o Options) ([]byte, model.Problems) {
	in := injection{o: o, namespaces: map[string]bool{}}
	var documents []*document
	for _, f := range files {
		documents = append(documents, split(f)...)
	}
	for _, d := range documents {
		in.read(d)
	}
	var out bytes.Buffer
	for _, d := range documents {
		if in.document(d) {
			text, err := d.encode()
			if err != nil {
				in.problem(d.root, model.Problem{Code: model.CodeSyntax, Message: "writing it with its sidecar: " + err.Error(), Origin: d.at(d.root)})
			}
			d.text = text
		}
		d.write(&out)
	}
	return out.Bytes(), in.problems
}

// injection is one run.
type injection struct {
	o          Options
	namespaces map[string]bool // name → whether its label says so
	problems   model.Problems
}

// read parses a document, and takes a Namespace's label.
func (in *injection) read(d *document) {
	if err := d.parse(); err != nil {
		in.problems = append(in.problems, d.syntaxProblem(err))
		return
	}
	each(d.root, func(object *yaml.Node) {
		in.typedList(d, object)
		if kind(object) != "Namespace" || group(object) != "" {
			return
		}
		name := text(object, "metadata", "name")
		switch text(object, "metadata", "labels", "istio-injection") {
		case "enabled":
			in.namespaces[name] = true
		case "disabled":
			in.namespaces[name] = false
		}
		if value := text(object, "metadata", "labels", "istio.io/rev"); value != "" {
			in.revision(d, object, "metadata.labels[istio.io/rev]", value)
		}
	})
}

// document injects each object of a document, and tells whether any changed.
func (in *injection) document(d *document) bool {
	changed := false
	each(d.root, func(object *yaml.Node) {
		if path, ok := podPath(object); ok {
			p := &pod{in: in, d: d, object: object, template: find(object, path...), path: path}
			changed = p.inject() || changed
		}
	})
	return changed
}

// typedList refuses a list of one kind (PodList): its items do not say what
// they are, and would go by without a sidecar.
func (in *injection) typedList(d *document, object *yaml.Node) {
	of, ok := strings.CutSuffix(kind(object), "List")
	if _, holds := podPaths[group(object)+"/"+of]; ok && holds {
		in.problem(object, model.Problem{Code: model.CodeNotSupported, Message: "the items of a " + of + "List are not injected", Fix: "write kind: List", Origin: d.at(object)})
	}
}

func (in *injection) revision(d *document, object *yaml.Node, field, value string) {
	in.problem(object, model.Problem{Code: model.CodeNotSupported, Severity: model.Info, Field: field, Origin: d.at(object),
		Message: "the revision " + value + " chooses nothing: there is one control plane, that of --control-plane"})
}

// problem adds a Problem of an object; it is an Error if it does not say.
func (in *injection) problem(object *yaml.Node, p model.Problem) {
	if p.Severity == "" {
		p.Severity = model.Error
	}
	p.Object = model.Ref{Kind: kind(object), Namespace: in.namespace(object), Name: name(object)}
	in.problems = append(in.problems, p)
}

// namespace is an object's, or that of the command line.
func (in *injection) namespace(object *yaml.Node) string {
	if ns := text(object, "metadata", "namespace"); ns != "" {
		return ns
	}
	return in.o.Namespace
}

func name(object *yaml.Node) string {
	if n := text(object, "metadata", "name"); n != "" {
		return n
	}
	return text(object, "metadata", "generateName") + "?"
}
