package lower

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// cond is a condition on a request, in negation normal form: nots stand on
// tests and stops only. It is never changed.
type cond struct {
	op   condOp
	of   []*cond
	test *test
	stop *model.Stop
	key  string // equal conditions have equal keys
}

type condOp uint8

const (
	condFalse condOp = iota
	condTrue
	condTest
	condNotTest
	condStop // nobody here knows; its negation is itself
	condAnd
	condOr
)

var (
	never  = &cond{op: condFalse, key: "F"}
	always = &cond{op: condTrue, key: "T"}
)

// test is a model.Test on an input that a proxy may lack.
type test struct {
	in     input
	how    model.TestOp
	values []string // sorted, of a set
	// Sets of one lookup have nothing in common: each is a branch of its own.
	lookup *int
	branch int
}

// input is a value of the request. One with a why is not the proxy's to see:
// its tests are known to exclude each other, and nothing else.
type input struct {
	model.ProxyInput
	ref  string      // as the policy writes it
	why  *model.Stop // nil: a proxy has it
	item int         // of a list's items that are looked at one by one: which look
	key  string
}

func newInput(p model.ProxyInput, ref string) input {
	return input{ProxyInput: p, ref: ref, key: string(p.Kind) + "\x00" + p.Name + "\x00" + strings.Join(p.Path, "\x01")}
}

// missing is an input that policyd alone has.
func missing(ref string, stop *model.Stop) input {
	return input{ref: ref, why: stop, key: "-" + ref}
}

// looked is the input as one look at a list's items sees it.
func (in input) looked(n int) input {
	in.Items, in.item = true, n
	in.key += "\x02" + strconv.Itoa(n)
	return in
}

func newTest(in input, how model.TestOp, values ...string) *cond {
	if isSet(how) {
		if len(values) == 0 {
			return never
		}
		if !slices.IsSorted(values) {
			values = slices.Clone(values)
			slices.Sort(values)
		}
		values = slices.Compact(values)
	}
	return &cond{op: condTest, test: &test{in: in, how: how, values: values}, key: testKey(in, how, values)}
}

// isSet tells whether any of a test's values is enough.
func isSet(how model.TestOp) bool {
	switch how {
	case model.TestIn, model.TestPrefix, model.TestSuffix, model.TestContains, model.TestRegex, model.TestCIDR:
		return true
	}
	return false
}

func testKey(in input, how model.TestOp, values []string) string {
	var b strings.Builder
	b.WriteString("t")
	b.WriteString(in.key)
	b.WriteByte(3)
	b.WriteString(string(how))
	if len(values) < 8 {
		for _, v := range values {
			b.WriteByte(3)
			b.WriteString(strconv.Quote(v))
		}
		return b.String()
	}
	size := 0
	for _, v := range values {
		size += len(v) + 4
	}
	all := make([]byte, 0, size)
	for _, v := range values {
		all = append(binary.AppendUvarint(all, uint64(len(v))), v...)
	}
	sum := sha256.Sum256(all)
	b.Write(sum[:])
	return b.String()
}

func stopped(s *model.Stop) *cond {
	return &cond{op: condStop, stop: s, key: "s" + s.Module + strconv.Itoa(s.Line) + s.Expression + s.Why}
}

func not(c *cond) *cond {
	switch c.op {
	case condFalse:
		return always
	case condTrue:
		return never
	case condTest:
		return &cond{op: condNotTest, test: c.test, key: "n" + c.key[1:]}
	case condNotTest:
		return &cond{op: condTest, test: c.test, key: "t" + c.key[1:]}
	case condStop:
		return c
	}
	of := make([]*cond, len(c.of))
	for i, x := range c.of {
		of[i] = not(x)
	}
	if c.op == condAnd {
		return or(of...)
	}
	return and(of...)
}

// negated is the key of the negation of a test; "" of anything else.
func (c *cond) negated() string {
	switch c.op {
	case condTest:
		return "n" + c.key[1:]
	case condNotTest:
		return "t" + c.key[1:]
	}
	return ""
}

func and(of ...*cond) *cond { return join(condAnd, of) }
func or(of ...*cond) *cond  { return join(condOr, of) }

// join makes a conjunction or a disjunction, as small as is easily seen.
func join(op condOp, of []*cond) *cond {
	unit, zero := always, never
	if op == condOr {
		unit, zero = never, always
	}
	if len(of) == 2 {
		switch a, b := of[0], of[1]; {
		case a.op == zero.op || b.op == zero.op:
			return zero
		case a.op == unit.op || a.key == b.key:
			return b
		case b.op == unit.op:
			return a
		}
	}
	flat, seen := make([]*cond, 0, len(of)), make(map[string]bool, len(of))
	var add func(list []*cond) bool
	add = func(list []*cond) bool {
		for _, c := range list {
			switch {
			case c.op == zero.op:
				return false
			case c.op == unit.op || seen[c.key]:
			case c.op == op:
				if !add(c.of) {
					return false
				}
			default:
				if n := c.negated(); n != "" && seen[n] {
					return false
				}
				seen[c.key] = true
				flat = append(flat, c)
			}
		}
		return true
	}
	if !add(of) {
		return zero
	}
	flat, ok := simplify(op, flat)
	switch {
	case !ok:
		return zero
	case len(flat) == 0:
		return unit
	case len(flat) == 1:
		return flat[0]
	}
	return &cond{op: op, of: flat, key: joinKey(op, flat)}
}

func joinKey(op condOp, of []*cond) string {
	keys := make([]string, len(of))
	size := 0
	for i, c := range of {
		keys[i] = c.key
		size += len(c.key)
	}
	slices.Sort(keys)
	text := strings.Join(keys, "\x04")
	if size > 256 {
		sum := sha256.Sum256([]byte(text))
		text = string(sum[:])
	}
	return map[condOp]string{condAnd: "&(", condOr: "|("}[op] + text + ")"
}
