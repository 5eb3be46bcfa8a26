package analysis

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// covers tells whether a matches every request that b matches. It says no
// where that cannot be told: nobody looks into two regular expressions.
func covers(a, b model.HTTPMatch) bool {
	return pathCovers(a.Path, b.Path) && coversText(a.Method, b.Method) && coversText(a.Scheme, b.Scheme) &&
		coversText(a.Authority, b.Authority) &&
		(a.Port == 0 || a.Port == b.Port) &&
		(a.SourceNamespace == "" || a.SourceNamespace == b.SourceNamespace) &&
		model.HasLabels(b.SourceLabels, a.SourceLabels) &&
		(len(a.Gateways) == 0 || len(b.Gateways) > 0 && containsAll(a.Gateways, b.Gateways)) &&
		all(a.Headers, b.Headers, headerCovers) && all(a.Query, b.Query, queryCovers) && all(a.Claims, b.Claims, claimCovers)
}

// all tells whether each condition of a follows from one of b.
func all[T any](a, b []T, covers func(a, b T) bool) bool {
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y T) bool { return covers(x, y) }) {
			return false
		}
	}
	return true
}

func headerCovers(a, b model.HeaderMatch) bool {
	if a.Name != b.Name || a.Not != b.Not {
		return false
	}
	if a.Not {
		return implied(b.Match, a.Match)
	}
	return implied(a.Match, b.Match)
}

func queryCovers(a, b model.QueryMatch) bool { return a.Name == b.Name && implied(a.Match, b.Match) }

func claimCovers(a, b model.ClaimMatch) bool {
	return slices.Equal(a.Path, b.Path) && a.Not == b.Not && (a.Match == b.Match || !a.Not && implied(a.Match, b.Match))
}

func pathCovers(a, b *model.StringMatch) bool { return anyPath(a) || coversText(a, b) }

// anyPath tells of a condition that every path has.
func anyPath(m *model.StringMatch) bool {
	switch {
	case m == nil || m.Kind == model.Present:
		return true
	case m.Kind == model.Prefix:
		return m.Value == "/" || m.Value == ""
	}
	return m.Kind == model.Regex && (m.Value == ".*" || m.Value == "/.*")
}

func coversText(a, b *model.StringMatch) bool {
	return a == nil || b != nil && implied(*a, *b)
}

// implied tells whether all that b matches is matched by a.
func implied(a, b model.StringMatch) bool {
	if a == b || a.Kind == model.Present || a.Kind == model.Regex && a.Value == ".*" {
		return true
	}
	if b.IgnoreCase && !a.IgnoreCase && strings.ToLower(b.Value) != strings.ToUpper(b.Value) {
		return false
	}
	x, y := a.Value, b.Value
	if a.IgnoreCase {
		x, y = strings.ToLower(x), strings.ToLower(y)
	}
	switch b.Kind {
	case model.Exact:
		return a.Matches(b.Value)
	case model.Prefix:
		return a.Kind == model.Prefix && strings.HasPrefix(y, x)
	case model.Suffix:
		return a.Kind == model.Suffix && strings.HasSuffix(y, x)
	}
	return false
}

func containsAll(list, wanted []string) bool {
	for _, w := range wanted {
		if !slices.Contains(list, w) {
			return false
		}
	}
	return true
}
