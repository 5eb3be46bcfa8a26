package explain

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/krater-mesh/krater/model"
)

// claimFails says why a match on a claim does not hold: of a list one element
// is enough, and only texts match. Without a token there is no claim.
func claimFails(c model.ClaimMatch, claims map[string]any) string {
	value, there := claimAt(claims, c.Path)
	matches := there
	if c.Match.Kind != model.Present {
		matches = there && textMatches(value, c.Match)
	}
	switch {
	case matches != c.Not:
		return ""
	case claims == nil:
		return "no token was verified, and its claim must be " + describeClaim(c)
	case c.Not:
		return "the token's claim must be " + describeClaim(c)
	case !there:
		return "the token has no such claim: it must be " + describeClaim(c)
	}
	return "the token's claim is another: it must be " + describeClaim(c)
}

func textMatches(value any, m model.StringMatch) bool {
	switch v := value.(type) {
	case string:
		return m.Matches(v)
	case []any:
		return slices.ContainsFunc(v, func(one any) bool {
			text, is := one.(string)
			return is && m.Matches(text)
		})
	}
	return false
}

// claimAt is what a path of names leads to.
func claimAt(claims map[string]any, path []string) (any, bool) {
	var at any = claims
	for _, name := range path {
		members, is := at.(map[string]any)
		if !is {
			return nil, false
		}
		if at, is = members[name]; !is {
			return nil, false
		}
	}
	return at, claims != nil
}

// claimValue is a claim as the proxy writes it: texts as they are, all else as
// JSON.
func claimValue(path []string, claims map[string]any) (string, bool) {
	value, ok := claimAt(claims, path)
	if !ok || value == nil {
		return "", false
	}
	switch v := value.(type) {
	case string:
		return v, true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	b, err := json.Marshal(value)
	return string(b), err == nil
}
