package lower

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// simplify merges what stands on one input: a conjunction with a set of exact
// values keeps those that pass its other tests; a disjunction has one set. It
// is false where the whole is known by that (never, always).
func simplify(op condOp, of []*cond) ([]*cond, bool) {
	if len(of) < 2 {
		return of, true
	}
	if op == condOr {
		return mergeSets(of), true
	}
	byInput := map[string][]int{}
	for i, c := range of {
		// Two tests of "one of the items" may hold of two of them.
		if (c.op == condTest || c.op == condNotTest) && (!c.test.in.Items || c.test.in.item > 0) {
			byInput[c.test.in.key] = append(byInput[c.test.in.key], i)
		}
	}
	drop := map[int]bool{}
	for _, at := range byInput {
		if len(at) > 1 && !narrow(of, at, drop) {
			return nil, false
		}
	}
	if len(drop) == 0 {
		return of, true
	}
	kept := make([]*cond, 0, len(of))
	for i, c := range of {
		if !drop[i] {
			kept = append(kept, c)
		}
	}
	return kept, true
}

// narrow applies the tests of one input to its first set of exact values.
func narrow(of []*cond, at []int, drop map[int]bool) bool {
	dropPresent(of, at, drop)
	first := slices.IndexFunc(at, func(i int) bool { return of[i].op == condTest && of[i].test.how == model.TestIn })
	if first < 0 {
		return compatible(of, at)
	}
	set := of[at[first]].test
	values := set.values
	for _, i := range at {
		if i == at[first] {
			continue
		}
		t, want := of[i].test, of[i].op == condTest
		if !decidable(t) {
			continue
		}
		drop[i] = true
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return t.holds(v) != want })
	}
	if len(values) == 0 {
		return false
	}
	of[at[first]] = newTest(set.in, model.TestIn, values...)
	of[at[first]].test.lookup, of[at[first]].test.branch = set.lookup, set.branch
	return true
}

// dropPresent leaves out that a value is there, where another test says it.
func dropPresent(of []*cond, at []int, drop map[int]bool) {
	more := slices.ContainsFunc(at, func(i int) bool { return of[i].op == condTest && of[i].test.how != model.TestPresent })
	for _, i := range at {
		if more && of[i].op == condTest && of[i].test.how == model.TestPresent {
			drop[i] = true
		}
	}
}

// compatible is false for what cannot all hold: something is demanded of a
// value that must not be there, or it is of two types.
func compatible(of []*cond, at []int) bool {
	absent, kind := false, ""
	for _, i := range at {
		if of[i].op == condNotTest {
			absent = absent || of[i].test.how == model.TestPresent
			continue
		}
		k := typeOf(of[i].test.how)
		if k != "" && kind != "" && k != kind {
			return false
		}
		if k != "" {
			kind = k
		}
	}
	if !absent {
		return true
	}
	return !slices.ContainsFunc(at, func(i int) bool { return of[i].op == condTest })
}

// typeOf is the type that a value has for a test to hold; "": any.
func typeOf(how model.TestOp) string {
	switch how {
	case model.TestPresent:
		return ""
	case model.TestBool:
		return "boolean"
	case model.TestNull:
		return "null"
	}
	if isSet(how) {
		return "string"
	}
	return "number"
}

// decidable tells whether a test of a constant string can be computed.
func decidable(t *test) bool { return t.how != model.TestRegex || len(t.values) < 64 }

// holds computes a test of a string that is there.
func (t *test) holds(s string) bool {
	any := func(f func(s, v string) bool) bool {
		return slices.ContainsFunc(t.values, func(v string) bool { return f(s, v) })
	}
	switch t.how {
	case model.TestPresent:
		return true
	case model.TestIn:
		_, found := slices.BinarySearch(t.values, s)
		return found
	case model.TestPrefix:
		return any(strings.HasPrefix)
	case model.TestSuffix:
		return any(strings.HasSuffix)
	case model.TestContains:
		return any(strings.Contains)
	case model.TestRegex:
		return any(matchesBytes)
	case model.TestCIDR:
		return any(inBlock)
	}
	return false
}

// matchesBytes matches the whole of a string, each byte a letter.
func matchesBytes(s, pattern string) bool {
	re, err := regexp.Compile(`^(?:` + pattern + `)$`)
	return err == nil && re.MatchString(latin1(s))
}

func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func inBlock(s, block string) bool {
	a, err := netip.ParseAddr(s)
	p, err2 := netip.ParsePrefix(block)
	return err == nil && err2 == nil && p.Contains(a)
}

// mergeSets makes one test of a disjunction's tests of one input and kind.
func mergeSets(of []*cond) []*cond {
	type kind struct {
		in  string
		how model.TestOp
	}
	groups := map[kind][]int{}
	merges := false
	for i, c := range of {
		if c.op == condTest && isSet(c.test.how) {
			k := kind{c.test.in.key, c.test.how}
			groups[k] = append(groups[k], i)
			merges = merges || len(groups[k]) > 1
		}
	}
	if !merges {
		return of
	}
	drop := make([]bool, len(of))
	out := slices.Clone(of)
	for _, at := range groups {
		if len(at) < 2 {
			continue
		}
		lists := make([][]string, len(at))
		for k, i := range at {
			lists[k], drop[i] = of[i].test.values, true
		}
		t := of[at[0]].test
		out[at[0]], drop[at[0]] = newTest(t.in, t.how, mergeSorted(lists)...), false
	}
	kept := out[:0]
	for i, c := range out {
		if !drop[i] {
			kept = append(kept, c)
		}
	}
	return kept
}

// mergeSorted merges sorted lists.
func mergeSorted(lists [][]string) []string {
	if len(lists) == 1 {
		return slices.Clone(lists[0])
	}
	half := len(lists) / 2
	a, b := mergeSorted(lists[:half]), mergeSorted(lists[half:])
	out := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] <= b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}
