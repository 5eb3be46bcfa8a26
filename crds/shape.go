package crds

import (
	"encoding/base64"
	"fmt"
	"sort"
	"strings"
	"time"
)

// form is what a value may be.
type form int

const (
	formAny form = iota
	formText
	formBool
	formNumber
	formDuration
	formEnum
	formBytes
	formList
	formMap    // any names, all values of one shape
	formObject // known names
)

// shape is the schema of a value: what a strict reader accepts. It is made
// from a protobuf message or a Go struct.
type shape struct {
	form   form
	whole  bool // formNumber: no fraction
	signed bool
	values []string // formEnum
	elem   func() *shape
	fields func() map[string]*shape // by JSON name
	oneof  map[string]string        // field → the choice it belongs to
	// aliases are other names of fields: those of the protobuf file.
	aliases map[string]string
	// old are old fields with what to do instead, or an enum's old values with
	// their names of today.
	old map[string]string
}

// checker walks a document along a shape. It reports what does not fit and
// gives the rest in the form that encoding/json and protojson read.
type checker struct {
	*report
	// translated holds the field paths that conversion reads, without indices
	// ("http[].match[].uri"), relative to spec; one covers all beneath it.
	// Empty: everything.
	translated map[string]bool
	parents    map[string]bool // of translated
	// refused are paths without which the object would mean something else.
	refused map[string]bool
	strict  bool // every untranslated field is refused
	secret  bool // no message may show a value
}

func (c *checker) value(n *Node, s *shape, path, plain string, covered bool) any {
	if n.Kind == Null {
		return nil
	}
	switch s.form {
	case formObject:
		return c.object(n, s, path, plain, covered)
	case formMap, formList:
		return c.collection(n, s, path, plain, covered)
	case formAny:
		return n.Interface()
	}
	v, want := scalarOf(n, s)
	if want != "" {
		fix := ""
		if text, ok := n.Value.(string); ok && s.form == formEnum {
			fix = meant(text, s.enumValues())
		} else if s.form == formText && n.Kind == Scalar {
			fix = "put it in quotes"
		}
		c.add("error", "KR0004", path, fix, "want %s, got %s", want, c.got(n))
		return nil
	}
	if s.form == formEnum {
		return c.today(s, v.(string), path)
	}
	return v
}

func (c *checker) object(n *Node, s *shape, path, plain string, covered bool) any {
	if n.Kind != Mapping {
		c.bad(path, "want an object, got %s", c.got(n))
		return nil
	}
	fields, out, chosen := s.fields(), map[string]any{}, map[string]string{}
	for _, f := range n.Fields {
		name, at := c.fieldName(s, path, f)
		if name == "" || f.Value.Kind == Null {
			continue
		}
		if _, given := out[name]; given {
			c.bad(at, "%s is given twice, by two names", name)
			continue
		}
		if group := s.oneof[name]; group != "" {
			if first := chosen[group]; first != "" {
				c.bad(at, "only one of %s and %s can be given", first, name)
				continue
			}
			chosen[group] = name
		}
		fp := strings.TrimPrefix(plain+"."+name, ".")
		under := covered || c.translated[fp]
		if !under && !c.parents[fp] {
			c.untranslated(at, fp)
			continue
		}
		if v := c.value(f.Value, fields[name], at, fp, under); v != nil {
			out[name] = v
		}
	}
	return out
}

func (c *checker) untranslated(at, plain string) {
	if c.strict || c.refused[plain] {
		c.refuse(at, "not translated yet: the object cannot be in force without it")
		return
	}
	c.ignore(at, "not translated yet: it has no effect")
}

func (c *checker) collection(n *Node, s *shape, path, plain string, covered bool) any {
	if s.form == formMap {
		if n.Kind != Mapping {
			c.bad(path, "want an object, got %s", c.got(n))
			return nil
		}
		out := make(map[string]any, len(n.Fields))
		for _, f := range n.Fields {
			if v := c.value(f.Value, s.elem(), join(path, f.Name), plain+"{}", covered); v != nil {
				out[f.Name] = v
			}
		}
		return out
	}
	if n.Kind != List {
		c.bad(path, "want a list, got %s", c.got(n))
		return nil
	}
	out := make([]any, 0, len(n.Items))
	for i, item := range n.Items {
		v := c.value(item, s.elem(), index(path, i), plain+"[]", covered)
		if v == nil && item.Kind == Null {
			c.bad(index(path, i), "the item is empty")
		}
		out = append(out, v)
	}
	return out
}

// scalarOf gives the value, or what was wanted instead.
func scalarOf(n *Node, s *shape) (v any, want string) {
	if n.Kind != Scalar {
		return nil, s.want()
	}
	text, isText := n.Value.(string)
	switch s.form {
	case formText:
		if isText {
			return text, ""
		}
	case formBytes:
		if _, err := base64.StdEncoding.DecodeString(text); isText && err == nil {
			return text, ""
		}
	case formBool:
		if b, ok := n.Value.(bool); ok {
			return b, ""
		}
	case formNumber:
		if numberFits(n.Value, s) {
			return n.Value, ""
		}
	case formDuration:
		if d, err := time.ParseDuration(text); isText && err == nil {
			return d, ""
		}
	case formEnum:
		for _, v := range s.values {
			if isText && v == text {
				return text, ""
			}
		}
	}
	return nil, s.want()
}

func numberFits(v any, s *shape) bool {
	switch x := v.(type) {
	case int64:
		return s.signed && x >= -1<<31 && x < 1<<31 || !s.signed && x >= 0 && x < 1<<32
	case float64:
		return !s.whole
	}
	return false
}

func (s *shape) want() string {
	switch s.form {
	case formBool:
		return "true or false"
	case formNumber:
		switch {
		case !s.whole:
			return "a number"
		case s.signed:
			return "a whole number"
		}
		return "a whole number, not negative"
	case formDuration:
		return `a duration like "1.5s"`
	case formBytes:
		return "base64"
	case formEnum:
		return "one of " + strings.Join(s.enumValues(), ", ")
	}
	return "text"
}

// got describes a value that does not fit.
func (c *checker) got(n *Node) string {
	if c.secret {
		return "something else"
	}
	return describe(n)
}

func describe(n *Node) string {
	switch n.Kind {
	case List:
		return "a list"
	case Mapping:
		return "an object"
	case Null:
		return "nothing"
	}
	if text, ok := n.Value.(string); ok {
		return fmt.Sprintf("%.60q", text)
	}
	return fmt.Sprintf("%v", n.Value)
}

func names(fields map[string]*shape) []string {
	out := make([]string, 0, len(fields))
	for n := range fields {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}
