package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// need is what of a value is read: all of it, or some of its members. nil:
// nothing.
type need struct {
	all bool
	of  map[string]*need
}

var everything = &need{all: true}

// child is what is read of a member.
func (n *need) child(name string) *need {
	if n == nil || n.all {
		return n
	}
	return n.of[name]
}

// add notes that what a path leads to is read whole.
func (n *need) add(path []string) {
	for _, name := range path {
		if n.all {
			return
		}
		next := n.of[name]
		if next == nil {
			if n.of == nil {
				n.of = map[string]*need{}
			}
			next = &need{}
			n.of[name] = next
		}
		n = next
	}
	n.all, n.of = true, nil
}

// needOf is what a query reads of the input: what is named by the references of
// each rule that it can reach, up to the first part of them that is known only
// when a request comes.
func needOf(c *ast.Compiler, query ast.Ref) *need {
	out := &need{}
	seen := map[*ast.Rule]bool{}
	var reach func(ast.Ref)
	read := func(ref ast.Ref) bool {
		switch {
		case ref.HasPrefix(ast.InputRootRef):
			out.add(names(ref[1:]))
		case ref.HasPrefix(ast.DefaultRootRef):
			reach(ref)
		}
		return false
	}
	reach = func(ref ast.Ref) {
		for _, r := range c.GetRulesDynamicWithOpts(ref, ast.RulesOptions{IncludeHiddenModules: true}) {
			for ; r != nil && !seen[r]; r = r.Else {
				seen[r] = true
				ast.WalkRefs(r.Head, read)
				ast.WalkRefs(r.Body, read)
			}
		}
	}
	reach(query)
	if out.all {
		return everything
	}
	return out
}

// names are the texts at the beginning of a path.
func names(path ast.Ref) []string {
	var out []string
	for _, t := range path {
		name, ok := t.Value.(ast.String)
		if !ok {
			break
		}
		out = append(out, string(name))
	}
	return out
}
