package snapshot

import (
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// mergeMatches intersects two lists of alternatives. As in Istio, each of the
// leaf's must be a part of one of the root's.
func mergeMatches(root, leaf []model.HTTPMatch) ([]model.HTTPMatch, bool) {
	if len(root) == 0 {
		return leaf, true
	}
	if len(leaf) == 0 {
		return root, true
	}
	var out []model.HTTPMatch
	for _, l := range leaf {
		before := len(out)
		for _, r := range root {
			if fits(r, l) {
				out = append(out, mergeMatch(r, l))
			}
		}
		if len(out) == before {
			return nil, false
		}
	}
	return out, true
}

func mergeMatch(root, leaf model.HTTPMatch) model.HTTPMatch {
	out := leaf
	out.Name = strings.Trim(root.Name+"-"+leaf.Name, "-")
	if out.Path == nil {
		out.Path = root.Path
	}
	if out.Scheme == nil {
		out.Scheme = root.Scheme
	}
	if out.Method == nil {
		out.Method = root.Method
	}
	if out.Authority == nil {
		out.Authority = root.Authority
	}
	out.Headers = join(root.Headers, leaf.Headers, sameHeader)
	out.Claims = join(root.Claims, leaf.Claims, sameClaim)
	out.Query = join(root.Query, leaf.Query, sameQuery)
	if out.Port == 0 {
		out.Port = root.Port
	}
	if len(root.SourceLabels) > 0 {
		out.SourceLabels = maps.Clone(root.SourceLabels)
		maps.Copy(out.SourceLabels, leaf.SourceLabels)
	}
	if out.SourceNamespace == "" {
		out.SourceNamespace = root.SourceNamespace
	}
	if len(out.Gateways) == 0 {
		out.Gateways = root.Gateways
	}
	if out.StatPrefix == "" {
		out.StatPrefix = root.StatPrefix
	}
	return out
}

// join gives the leaf's conditions and those of the root that the leaf has no
// narrower form of.
func join[T any](root, leaf []T, same func(a, b T) bool) []T {
	var out []T
	for _, r := range root {
		if !slices.ContainsFunc(leaf, func(l T) bool { return same(r, l) }) {
			out = append(out, r)
		}
	}
	return append(out, leaf...)
}

// Conditions that must not match are all kept: the leaf's is no narrower form
// of the root's.
func sameHeader(a, b model.HeaderMatch) bool {
	return a == b || a.Name == b.Name && !a.Not && !b.Not
}

func sameClaim(a, b model.ClaimMatch) bool {
	return slices.Equal(a.Path, b.Path) && a.Not == b.Not && (!a.Not || a.Match == b.Match)
}

func sameQuery(a, b model.QueryMatch) bool { return a.Name == b.Name }

// fits tells whether the leaf's conditions are a part of the root's, where both
// have some.
func fits(root, leaf model.HTTPMatch) bool {
	for _, pair := range [][2]*model.StringMatch{
		{root.Path, leaf.Path}, {root.Scheme, leaf.Scheme}, {root.Method, leaf.Method}, {root.Authority, leaf.Authority},
	} {
		if pair[0] != nil && pair[1] != nil && !within(*pair[0], *pair[1]) {
			return false
		}
	}
	ok := root.Port == 0 || leaf.Port == 0 || root.Port == leaf.Port
	ok = ok && (root.SourceNamespace == "" || leaf.SourceNamespace == "" || root.SourceNamespace == leaf.SourceNamespace)
	for k, v := range leaf.SourceLabels {
		other, given := root.SourceLabels[k]
		ok = ok && (!given || other == v)
	}
	for _, g := range leaf.Gateways {
		ok = ok && (len(root.Gateways) == 0 || slices.Contains(root.Gateways, g))
	}
	for _, l := range leaf.Headers {
		for _, r := range root.Headers {
			ok = ok && (l.Not || !sameHeader(r, l) || within(r.Match, l.Match))
		}
	}
	for _, l := range leaf.Claims {
		for _, r := range root.Claims {
			ok = ok && (l.Not || !sameClaim(r, l) || within(r.Match, l.Match))
		}
	}
	for _, l := range leaf.Query {
		for _, r := range root.Query {
			ok = ok && (!sameQuery(r, l) || within(r.Match, l.Match))
		}
	}
	return ok
}

// within tells whether what leaf matches is a part of what root matches, as
// far as Istio goes: it never looks into a regular expression.
func within(root, leaf model.StringMatch) bool {
	if root.Kind == model.Present {
		return true
	}
	if root.Kind == model.Regex || leaf.Kind == model.Regex || leaf.Kind == model.Present || root.IgnoreCase != leaf.IgnoreCase {
		return false
	}
	a, b := root.Value, leaf.Value
	if root.IgnoreCase {
		a, b = strings.ToLower(a), strings.ToLower(b)
	}
	if root.Kind == model.Prefix {
		return strings.HasPrefix(b, a)
	}
	return root.Kind == leaf.Kind && a == b
}
