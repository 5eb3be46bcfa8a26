package lower

import (
	"fmt"
	"slices"

	"github.com/krater-mesh/krater/model"
)

// overlap is when both hold; never, where that is seen by taking alternatives
// apart, a few of them.
func overlap(a, b *cond) *cond {
	both := and(a, b)
	if both.op == condFalse {
		return never
	}
	var ways []*cond
	left, right := alternatives(a), alternatives(b)
	if len(left)*len(right) > 4096 {
		return both
	}
	for _, x := range left {
		for _, y := range right {
			ways = append(ways, alternatives(and(x, y))...)
		}
	}
	if or(ways...).op == condFalse {
		return never
	}
	return both
}

// alternatives takes a condition's disjunctions apart, where that gives few.
func alternatives(c *cond) []*cond {
	switch c.op {
	case condFalse:
		return nil
	case condOr:
		var out []*cond
		for _, x := range c.of {
			out = append(out, alternatives(x)...)
		}
		return out
	case condAnd:
		out := []*cond{always}
		for _, x := range c.of {
			ways := alternatives(x)
			if len(out)*len(ways) > 64 {
				return []*cond{c}
			}
			var next []*cond
			for _, a := range out {
				for _, b := range ways {
					if both := and(a, b); both.op != condFalse {
						next = append(next, both)
					}
				}
			}
			out = next
		}
		return out
	}
	return []*cond{c}
}

// separate tells whether arms are sets of exact values of one input that have
// none in common: what a lookup gives.
func separate(arms []outcome) bool {
	if branches(arms) {
		return true
	}
	seen := map[string]bool{}
	in := ""
	for _, o := range arms {
		t := exactSet(o.when)
		if t == nil || in != "" && in != t.in.key {
			return false
		}
		in = t.in.key
		for _, v := range t.values {
			if seen[v] {
				return false
			}
			seen[v] = true
		}
	}
	return true
}

// branches tells whether arms are different branches of one lookup.
func branches(arms []outcome) bool {
	seen := map[int]bool{}
	var lookup *int
	for _, o := range arms {
		t := exactSet(o.when)
		if t == nil || t.lookup == nil || lookup != nil && lookup != t.lookup || seen[t.branch] {
			return false
		}
		lookup, seen[t.branch] = t.lookup, true
	}
	return true
}

// exactSet is the set of exact values that a condition demands; nil: none.
func exactSet(c *cond) *test {
	switch c.op {
	case condTest:
		if c.test.how == model.TestIn && !c.test.in.Items {
			return c.test
		}
	case condAnd:
		for _, x := range c.of {
			if t := exactSet(x); t != nil {
				return t
			}
		}
	}
	return nil
}

// valueKey tells values apart; false: it is not known which they equal.
func valueKey(v value) (string, bool) {
	switch v := v.(type) {
	case known:
		return "k" + v.v.String(), true
	case leaf:
		return fmt.Sprintf("l%s%v", v.in.key, v.shape), true
	case *table:
		return fmt.Sprintf("T%p", v), true
	case part:
		return "p" + v.ref, true
	case virtual:
		return "v" + v.path.String(), true
	case segments:
		return fmt.Sprintf("g%s%q%d", v.in.key, v.lead, v.sep), true
	case text:
		k, ok := valueKey(v.part)
		return fmt.Sprintf("x%q%s%q", v.pre, k, v.post), ok
	case tuple:
		return listKey("a", v.items)
	case record:
		return listKey(fmt.Sprint("r", v.keys), v.values)
	}
	return "", false
}

func listKey(key string, values []value) (string, bool) {
	for _, v := range values {
		k, ok := valueKey(v)
		if !ok {
			return "", false
		}
		key += fmt.Sprintf("(%d:%s)", len(k), k)
	}
	return key, true
}

func sorted(names map[string]bool) []string {
	out := make([]string, 0, len(names))
	for n := range names {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
