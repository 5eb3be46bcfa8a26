package inject

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
	"go.yaml.in/yaml/v3"
)

// document is one YAML document: its text, which stays as it is unless the
// document is injected, and its tree, without aliases.
type document struct {
	file string
	line int // of its first line
	text []byte
	root *yaml.Node
}

// A line that begins with three dashes ends a document, also in the midst of
// a block scalar.
var separator = regexp.MustCompile(`(?m)^---(?:[ \t]*#.*|[ \t]*)\r?$\n?`)

// split parts a file at its separators; what stands between is kept exactly.
func split(f File) []*document {
	var out []*document
	line, from := 1, 0
	add := func(to int) {
		d := &document{file: f.Name, line: line, text: f.Data[from:to]}
		if !d.empty() {
			out = append(out, d)
		}
	}
	for _, at := range separator.FindAllIndex(f.Data, -1) {
		add(at[0])
		line += bytes.Count(f.Data[from:at[1]], []byte("\n"))
		from = at[1]
	}
	add(len(f.Data))
	return out
}

// empty tells that a document has comments at most.
func (d *document) empty() bool {
	for line := range bytes.Lines(d.text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// parse reads the tree.
func (d *document) parse() (err error) {
	defer func() { // the library panics on some hostile input
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	text := d.text
	if json := bytes.TrimLeft(text, " \t\r\n"); bytes.HasPrefix(json, []byte("{")) {
		text = bytes.ReplaceAll(text, []byte("\t"), []byte(" ")) // YAML wants no tabs; inside JSON's strings there are none
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var read, more yaml.Node
	if err := dec.Decode(&read); err != nil {
		return err
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return errors.New("more than one document between two lines of ---")
	}
	d.root, err = unfold(&read)
	return err
}

// encode writes the tree in the text's own manner.
func (d *document) encode() (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if d.compact() {
		enc.CompactSeqIndent()
	}
	if err := enc.Encode(d.root); err != nil {
		return nil, err
	}
	return out.Bytes(), enc.Close()
}

// indented is a list that stands deeper than its key.
var indented = regexp.MustCompile(`(?m)^( *)(?:- )?[\w./-]+:[ \t]*\r?\n( *)- `)

// compact tells whether the text writes "- " below its key, as most do.
func (d *document) compact() bool {
	m := indented.FindSubmatch(d.text)
	return m == nil || len(m[2]) <= len(m[1])
}

// write adds the document to a stream.
func (d *document) write(out *bytes.Buffer) {
	if out.Len() > 0 {
		out.WriteString("---\n")
	}
	out.Write(d.text)
	if !strings.HasSuffix(string(d.text), "\n") {
		out.WriteString("\n")
	}
}

// at is the place of a node in its file.
func (d *document) at(n *yaml.Node) model.Origin {
	if n == nil {
		return model.Origin{File: d.file, Line: d.line}
	}
	return model.Origin{File: d.file, Line: d.line + max(n.Line, 1) - 1}
}

// errorLine is how errors of reading begin, counted from the document's start.
var errorLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// syntaxProblem is one on its line of the file.
func (d *document) syntaxProblem(err error) model.Problem {
	p := model.Problem{Code: model.CodeSyntax, Severity: model.Error, Message: "not YAML: " + errorLine.ReplaceAllString(err.Error(), ""),
		Origin: model.Origin{File: d.file, Line: d.line}}
	if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		p.Origin.Line += max(n, 1) - 1
	}
	if bytes.Contains(d.text, []byte("{{")) {
		p.Fix = "it looks like a template: render it first"
	}
	return p
}
