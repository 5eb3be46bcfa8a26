package rego

import (
	"errors"
	"net/url"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

var errPath = errors.New("the path has a malformed escape")

// readPath gives parsed_path and parsed_query of a request target.
//
// parsed_path is the path without query and fragment, unescaped, without
// leading slashes, split at slashes: "/a%2Fb/" is ["a","b",""]. A path that
// begins with two slashes names no host: only its path is ever read. An
// absolute form ("http://host/path") is read as a path too, as Envoy has
// made it one already. What is not needed is nil; an escape that is none is an
// error all the same.
func readPath(target string, n *need) (path, query *ast.Term, err error) {
	target, _, _ = strings.Cut(target, "#")
	escaped, rawQuery, _ := strings.Cut(target, "?")
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, nil, errPath
	}
	if n.child("parsed_path") != nil {
		segments := strings.Split(strings.TrimLeft(plain, "/"), "/")
		terms := make([]*ast.Term, len(segments))
		for i, s := range segments {
			terms[i] = stringTerm(s)
		}
		path = ast.ArrayTerm(terms...)
	}
	if n.child("parsed_query") != nil {
		// As net/url has it, a pair that cannot be read is left out.
		values, _ := url.ParseQuery(rawQuery)
		query = lists(values)
	}
	return path, query, nil
}

// lists is an object of lists of strings.
func lists(values map[string][]string) *ast.Term {
	items := make([]item, 0, len(values))
	for name, list := range values {
		terms := make([]*ast.Term, len(list))
		for i, v := range list {
			terms[i] = stringTerm(v)
		}
		items = append(items, item{stringTerm(name), ast.ArrayTerm(terms...)})
	}
	return object(items)
}

// stringTerm makes each byte that is no UTF-8 a U+FFFD, as encoding/json does.
func stringTerm(s string) *ast.Term {
	return ast.StringTerm(validUTF8(s))
}
