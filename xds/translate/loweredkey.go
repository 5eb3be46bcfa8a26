package translate

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/krater-mesh/krater/model"
)

// treeKind is how a tree of Envoy's looks a value up.
type treeKind int

const (
	treeExact treeKind = iota
	treePrefix
	treeCIDR
)

// treeKey is what the rules of one tree have in common: a value that each of
// them wants to be in a set of its own.
type treeKey struct {
	kind  treeKind
	input string // its identity
}

// keyed is a rule's set for one key.
type keyed struct {
	input  model.ProxyInput
	values []string
}

// keysOf finds what must be true of single inputs where a predicate holds.
func keysOf(p model.Predicate) map[treeKey]keyed {
	switch p.Op {
	case model.OpTest:
		return keyOf(p.Test)
	case model.OpAll:
		out := map[treeKey]keyed{}
		for _, one := range p.Of {
			for k, set := range keysOf(one) {
				if had, ok := out[k]; !ok || len(set.values) < len(had.values) {
					out[k] = set
				}
			}
		}
		return out
	case model.OpAny:
		var out map[treeKey]keyed
		for i, one := range p.Of {
			these := keysOf(one)
			if i == 0 {
				out = these
				continue
			}
			for k, set := range out {
				other, ok := these[k]
				if !ok {
					delete(out, k)
					continue
				}
				set.values = append(slices.Clip(set.values), other.values...)
				out[k] = set
			}
		}
		return out
	}
	return nil
}

func keyOf(t *model.Test) map[treeKey]keyed {
	kind, ok := map[model.TestOp]treeKind{model.TestIn: treeExact, model.TestPrefix: treePrefix, model.TestCIDR: treeCIDR}[t.How]
	if !ok || t.Input.Items || t.Input.Kind == model.InputTime && t.Input.Name == "" || t.Input.Kind == model.InputClaim && !plainClaim(t.Input.Path) {
		return nil
	}
	for _, v := range t.Values {
		if !utf8.ValidString(v) || v == "" && (kind == treePrefix || t.Input.Kind == model.InputClaim) {
			return nil // no key of a map; an empty claim is written down as none
		}
		if _, ok := prefixOf(v); kind == treeCIDR && !ok {
			return nil
		}
	}
	return map[treeKey]keyed{{kind, identity(t.Input)}: {t.Input, t.Values}}
}

// prefixOf reads a network, or an address as one.
func prefixOf(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// under says what is known of a test in one branch of a tree. The text of a
// claim does not tell what type it has, so its own tests stay; but one for other
// texts fails, whatever it is.
func (k treeKey) under(input model.ProxyInput, branch string) func(*model.Test) truth {
	return func(t *model.Test) truth {
		if !sameInput(t.Input, input) || len(t.Values) == 0 && t.How != model.TestPresent {
			return undecided
		}
		if input.Kind == model.InputClaim {
			if k.kind == treeExact && t.How == model.TestIn && !slices.Contains(t.Values, branch) {
				return fails
			}
			return undecided
		}
		switch k.kind {
		case treeExact:
			return knownText(t, branch)
		case treePrefix:
			return knownBeginning(t, branch)
		}
		return knownNetwork(t, branch)
	}
}

func knownText(t *model.Test, v string) truth {
	is := func(f func(string, string) bool) truth {
		return truthOf(slices.ContainsFunc(t.Values, func(one string) bool { return f(v, one) }))
	}
	switch t.How {
	case model.TestPresent:
		return holds
	case model.TestIn:
		return truthOf(slices.Contains(t.Values, v))
	case model.TestPrefix:
		return is(strings.HasPrefix)
	case model.TestSuffix:
		return is(strings.HasSuffix)
	case model.TestContains:
		return is(strings.Contains)
	}
	return undecided
}

// knownBeginning is what is known where the value begins with some text.
func knownBeginning(t *model.Test, begins string) truth {
	switch t.How {
	case model.TestPresent:
		return holds
	case model.TestIn:
		if !slices.ContainsFunc(t.Values, func(one string) bool { return strings.HasPrefix(one, begins) }) {
			return fails
		}
	case model.TestPrefix:
		possible := false
		for _, one := range t.Values {
			if strings.HasPrefix(begins, one) {
				return holds
			}
			possible = possible || strings.HasPrefix(one, begins)
		}
		if !possible {
			return fails
		}
	}
	return undecided
}

// knownNetwork is what is known where the value is an address of a network.
func knownNetwork(t *model.Test, network string) truth {
	within, _ := prefixOf(network)
	if t.How == model.TestPresent {
		return holds
	}
	if t.How != model.TestCIDR {
		return undecided
	}
	possible := false
	for _, one := range t.Values {
		n, ok := prefixOf(one)
		switch {
		case !ok:
			return undecided
		case n.Bits() <= within.Bits() && n.Contains(within.Addr()):
			return holds
		}
		possible = possible || n.Overlaps(within)
	}
	if !possible {
		return fails
	}
	return undecided
}
