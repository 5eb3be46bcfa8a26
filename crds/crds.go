// Package crds turns declared Objects into typed Entries: one file a kind,
// with its fields, its checks and its conversion into model. It reads
// strictly: an unknown field is a Problem, and so is one that is accepted
// but not translated yet. It never looks at a second object.
package crds

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Options are what conversion needs beside the object.
type Options struct {
	// ReadFile reads a file that an object names (Rego modules). Nil: os.ReadFile.
	ReadFile func(path string) ([]byte, error)
}

// kind is one kind of object: where it belongs, what it may hold, and how it
// becomes an Entry's content.
type kind struct {
	name     string
	group    string
	versions []string
	cluster  bool // it has no namespace
	// access: it decides access, so a bad one denies what it selects.
	access bool
	// why tells why the whole kind is not translated; empty where it is.
	why        string
	spec       *shape
	translated []string
	refused    []string
	strict     bool
	secret     bool // its values are nobody's to see
	top        bool // its fields stand beside metadata: there is no spec
	convert    func(*conversion) Content
}

// KindInfo names a known kind.
type KindInfo struct {
	Kind        string
	APIVersions []string
	// NotTranslated tells why objects of the kind have no effect yet; else "".
	NotTranslated string
}

// Kinds lists every known kind, by name.
func Kinds() []KindInfo {
	var out []KindInfo
	for _, k := range kinds() {
		out = append(out, KindInfo{k.name, k.apiVersions(), k.why})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Kind < out[j].Kind })
	return out
}

// Convert reads one object. The Entry is usable if no problem is an Error.
func Convert(o *Object, opts Options) (Entry, model.Problems) {
	if opts.ReadFile == nil {
		opts.ReadFile = os.ReadFile
	}
	c := &conversion{report: &report{object: o}, opts: opts}
	k, ok := lookup(o.APIVersion, o.Ref.Kind)
	if !ok && c.foreign() {
		return Entry{Ref: o.Ref, Origin: o.Origin, Version: model.Hash(Content{})}, c.problems
	}
	if !ok {
		c.unknownKind()
		return Entry{}, c.problems
	}
	if k.why != "" {
		c.refuse("kind", "%s is not translated yet: %s", k.name, k.why)
		return Entry{}, c.problems
	}
	c.version(k)
	c.checkMetadata(k)
	c.spec = c.checkSpec(k)
	if c.spec == nil {
		return Entry{}, c.problems
	}
	e := Entry{Ref: o.Ref, Origin: o.Origin, Created: o.created()}
	e.Content = k.convert(c)
	e.Version = model.Hash(e.Content)
	o.LineOf("")
	e.Lines, e.Moved = o.lines, o.moved
	return e, c.problems
}

// checkSpec gives the checked spec, or nil where there is nothing to read.
func (c *conversion) checkSpec(k kind) map[string]any {
	n, path := c.object.Root.Field("spec"), "spec"
	if k.top {
		n, path = c.body(), ""
	} else if n == nil || n.Kind == Null {
		n = &Node{Kind: Mapping, Line: c.object.Origin.Line} // AuthorizationPolicy: "spec: {}" means something
	}
	ch := &checker{report: c.report, translated: map[string]bool{}, parents: map[string]bool{}, refused: map[string]bool{}, strict: k.strict, secret: k.secret}
	for _, p := range k.translated {
		ch.translated[p] = true
		for i, r := range p {
			if r == '.' {
				ch.parents[strings.TrimRight(p[:i], "[]{}")] = true
			}
		}
	}
	for _, p := range k.refused {
		ch.refused[p] = true
	}
	v, _ := ch.value(n, k.spec, path, "", len(k.translated) == 0).(map[string]any)
	return v
}

// body is what stands beside metadata.
func (c *conversion) body() *Node {
	n := &Node{Kind: Mapping, Line: c.object.Origin.Line}
	for _, f := range c.object.Root.Fields {
		if f.Name != "apiVersion" && f.Name != "kind" && f.Name != "metadata" {
			n.Fields = append(n.Fields, f)
		}
	}
	return n
}

func (c *conversion) unknownKind() {
	var known, versions []string
	for _, k := range kinds() {
		known = append(known, k.name)
		if k.name == c.object.Ref.Kind {
			versions = append(versions, k.apiVersions()...)
		}
	}
	if len(versions) > 0 {
		c.add(model.Error, model.CodeUnknownKind, "apiVersion", "use "+strings.Join(versions, ", "),
			"%s is not served as %s", c.object.Ref.Kind, c.object.APIVersion)
		return
	}
	fix := meant(c.object.Ref.Kind, known)
	c.add(model.Error, model.CodeUnknownKind, "kind", fix, "unknown kind %s of %s", c.object.Ref.Kind, c.object.APIVersion)
}

func (k kind) apiVersions() []string {
	var out []string
	for _, v := range k.versions {
		out = append(out, strings.TrimPrefix(fmt.Sprintf("%s/%s", k.group, v), "/"))
	}
	return out
}

func lookup(apiVersion, name string) (kind, bool) {
	for _, k := range kinds() {
		if k.name != name {
			continue
		}
		for _, v := range k.apiVersions() {
			if v == apiVersion {
				return k, true
			}
		}
	}
	return kind{}, false
}
