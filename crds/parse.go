package crds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/krater-mesh/krater/model"
)

// Parse is ParseFile for a file that nothing is known of.
func Parse(file string, data []byte) (objects []*Object, complete bool, problems model.Problems) {
	f := ParseFile(file, data, nil)
	return f.Objects, f.Complete, f.Problems
}

func documents(file string, data []byte) ([]*Node, error) {
	if strings.HasSuffix(file, ".json") {
		if n, ok := readJSON(data, 1); ok {
			return []*Node{n}, nil
		}
		// YAML wants no tabs before a value; inside JSON's strings there are none.
		data = bytes.ReplaceAll(data, []byte("\t"), []byte(" "))
	} else if rest, values := largeValues(data); len(values) > 0 {
		if nodes, err := yamlDocuments(rest); err == nil && fill(nodes, values) {
			return nodes, nil
		}
	}
	return yamlDocuments(data)
}

func yamlDocuments(data []byte) ([]*Node, error) {
	var out []*Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var y yaml.Node
		if err := decodeNext(dec, &y); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		n, err := readNode(&y)
		if err != nil {
			return nil, err
		}
		if n.Kind != Null {
			out = append(out, n)
		}
	}
}

// decodeNext guards against the YAML library's panics on hostile input.
func decodeNext(dec *yaml.Decoder, y *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	return dec.Decode(y)
}

var errorLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(?s:(.*))$`)

// unended errors are those of a list or mapping that does not end; their line
// is the one it begins in.
var unended = regexp.MustCompile(`^did not find expected (',' or|key|'-')`)

// holdsSecret tells that some document of a file may be a Secret.
var holdsSecret = regexp.MustCompile(`(?m)kind"?\s*:\s*["']?Secret\b`)

func syntaxProblem(file string, data []byte, err error) model.Problem {
	m := errorLine.FindStringSubmatch(err.Error())
	line, _ := strconv.Atoi(m[1])
	if unended.MatchString(m[2]) {
		line++ // of these errors the library counts the lines from zero
	}
	p := model.Problem{Code: model.CodeSyntax, Severity: model.Error, Message: "not YAML: " + m[2],
		Origin: model.Origin{File: file, Line: max(line, 1)}, Fix: "until it is mended, what the file declared before stays in force"}
	if holdsSecret.Match(data) {
		p.Message = "not YAML" // the library's words may quote a value
	}
	if bytes.Contains(data, []byte("{{")) {
		p.Fix = "it looks like a template: render it first"
	}
	return p
}

type parser struct {
	file     string
	objects  []*Object
	complete bool
	problems model.Problems
}

func (p *parser) document(n *Node) {
	kind, version := n.Field("kind"), n.Field("apiVersion")
	if n.Kind != Mapping || (kind == nil && version == nil) {
		p.problems = append(p.problems, model.Problem{Code: model.CodeSyntax, Severity: model.Warning,
			Message: "a document without kind and apiVersion is no object: skipped",
			Origin:  model.Origin{File: p.file, Line: n.Line}})
		p.complete = false
		return
	}
	if items := n.Field("items"); items != nil && strings.HasSuffix(kind.Text(), "List") {
		for _, item := range items.Items {
			p.document(item)
		}
		return
	}
	o := &Object{Root: n, APIVersion: version.Text(), Origin: model.Origin{File: p.file, Line: n.Line}}
	meta := n.Field("metadata")
	o.Ref = model.Ref{Kind: kind.Text(), Namespace: meta.Field("namespace").Text(), Name: meta.Field("name").Text()}
	if o.Ref.Namespace == "" {
		o.Ref.Namespace = DefaultNamespace
	}
	if k, ok := lookup(o.APIVersion, o.Ref.Kind); ok && k.cluster {
		o.Ref.Namespace = ""
	}
	if p.identified(o, meta) {
		p.objects = append(p.objects, o)
	}
}

var dnsName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)

// identified tells whether the object has all that names it.
func (p *parser) identified(o *Object, meta *Node) bool {
	field, message, code := "", "", model.CodeMissing
	switch {
	case o.Ref.Kind == "":
		field, message = "kind", "the object has no kind"
	case o.APIVersion == "":
		field, message = "apiVersion", "the object has no apiVersion"
	case meta.Field("name").Text() == "":
		field, message = "metadata.name", "the object has no name"
	case !dnsName.MatchString(o.Ref.Name):
		field, message, code = "metadata.name", "a name is lower case letters, digits, '-' and '.'", model.CodeInvalidValue
	case o.Ref.Namespace != "" && !dnsName.MatchString(o.Ref.Namespace):
		field, message, code = "metadata.namespace", "a namespace is lower case letters, digits and '-'", model.CodeInvalidValue
	default:
		return true
	}
	p.complete = false
	p.problems = append(p.problems, model.Problem{Code: code, Severity: model.Error, Object: o.Ref,
		Field: field, Message: message, Origin: o.At(field)})
	return false
}
