package crds

import (
	"bytes"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// File is what a file declares.
type File struct {
	Objects []*Object // in order; lists of objects are unfolded
	// Complete is false where the file holds something that cannot be told to
	// be an object or not: nothing that it held before may be taken for removed.
	Complete bool
	Problems model.Problems

	documents map[string]*document // by text
}

// document is a part of a file between two "---", with what it holds.
type document struct {
	line     int // of the file, before it
	objects  []*Object
	complete bool
	problems model.Problems
}

// ParseFile reads a file's documents, YAML or JSON. What an earlier version of
// the file holds in the very same words is taken from there: the same Objects,
// or, where they stand at other lines now, Objects with the same Root. On a
// syntax error there are no Objects at all.
func ParseFile(name string, data []byte, earlier *File) *File {
	texts := [][]byte{data}
	if !strings.HasSuffix(name, ".json") {
		texts = split(data)
	}
	f := &File{Complete: true, documents: make(map[string]*document, len(texts))}
	line := 0
	for _, text := range texts {
		d, err := earlier.document(name, text, line)
		if err != nil {
			return &File{Problems: model.Problems{syntaxProblem(name, data, wholeError(name, data, err))}}
		}
		f.documents[string(text)] = d
		f.Objects = append(f.Objects, d.objects...)
		f.Complete = f.Complete && d.complete
		f.Problems = append(f.Problems, d.problems...)
		line += bytes.Count(text, []byte("\n"))
	}
	return f
}

func (f *File) document(name string, text []byte, line int) (*document, error) {
	if f != nil {
		if d := f.documents[string(text)]; d != nil {
			return d.movedTo(line), nil
		}
	}
	nodes, err := documents(name, text)
	if err != nil {
		return nil, err
	}
	p := &parser{file: name, complete: true}
	for _, n := range nodes {
		n.move(line)
		p.document(n)
	}
	return &document{line, p.objects, p.complete, p.problems}, nil
}

// wholeError is the error with the file's own line numbers.
func wholeError(name string, data []byte, err error) error {
	if _, whole := documents(name, data); whole != nil {
		return whole
	}
	return err
}

func (d *document) movedTo(line int) *document {
	by := line - d.line
	if by == 0 {
		return d
	}
	out := &document{line: line, complete: d.complete, problems: slices.Clone(d.problems)}
	for _, o := range d.objects {
		c := *o
		c.Origin.Line, c.moved = o.Origin.Line+by, o.moved+by
		out.objects = append(out.objects, &c)
	}
	for i := range out.problems {
		out.problems[i].Origin.Line += by
	}
	return out
}

// split cuts YAML before each line that starts a document, where these can be
// told without reading the YAML; else it gives all in one.
func split(data []byte) [][]byte {
	if !plainLines(data) {
		return [][]byte{data}
	}
	var out [][]byte
	start := 0
	for at := 0; at < len(data); {
		end := at + bytes.IndexByte(data[at:], '\n') + 1
		if end == at {
			end = len(data)
		}
		line := data[at:end]
		switch {
		case line[0] == '%', bytes.HasPrefix(line, []byte("...")):
			return [][]byte{data}
		case !bytes.HasPrefix(line, []byte("---")):
		case !isMark(line):
			return [][]byte{data}
		case at > start:
			out = append(out, data[start:at])
			start = at
		}
		at = end
	}
	return append(out, data[start:])
}

// isMark tells whether nothing but a comment follows on a line that starts
// with "---".
func isMark(line []byte) bool {
	rest := bytes.TrimRight(line[3:], "\r\n")
	text := bytes.TrimLeft(rest, " \t")
	return len(text) == 0 || text[0] == '#' && len(text) < len(rest)
}

// plainLines tells whether YAML counts the lines as "\n" does, and reads the
// bytes as UTF-8.
func plainLines(data []byte) bool {
	for _, odd := range []string{"\u0085", "\u2028", "\u2029", "\x00", "\xff"} {
		if bytes.Contains(data, []byte(odd)) {
			return false
		}
	}
	return bytes.Count(data, []byte("\r")) == bytes.Count(data, []byte("\r\n"))
}

// move adds to the lines of a node and of all in it.
func (n *Node) move(by int) {
	if by == 0 {
		return
	}
	n.Line += by
	for i := range n.Fields {
		n.Fields[i].Line += by
		n.Fields[i].Value.move(by)
	}
	for _, item := range n.Items {
		item.move(by)
	}
}
