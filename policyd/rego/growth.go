package rego

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

var errEnough = errors.New("it is large enough")

// growth says how many bytes a built-in makes of its operands, at most and
// before it is called; most is what is left.
type growth func(operands []*ast.Term, most int64) int64

// unbounded is what nobody can tell beforehand.
const unbounded = math.MaxInt64 / 4

// OPA has one table of built-ins for the process: it is changed once, before
// anything can be evaluated.
var _ = guardBuiltins()

// guardBuiltins makes every built-in whose result grows ask the budget first,
// and http.send the policy's list.
func guardBuiltins() bool {
	for name, grows := range growths {
		original := topdown.GetBuiltin(name)
		if original == nil {
			continue // a built-in of the evaluator's own
		}
		topdown.RegisterBuiltinFunc(name, func(c topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
			if b, ok := c.Cancel.(*budget); ok && !b.spend(grows(operands, b.left)) {
				return b.halt(name)
			}
			return original(c, operands, iter)
		})
		ast.BuiltinMap[name].CanSkipBctx = false
	}
	original := topdown.GetBuiltin(ast.HTTPSend.Name)
	topdown.RegisterBuiltinFunc(ast.HTTPSend.Name, func(c topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		return guardedSend(original, c, operands, iter)
	})
	return true
}

// times is a result of so many bytes for each byte of what it is made of.
func times(n int64) growth {
	return func(operands []*ast.Term, most int64) int64 {
		var sum int64
		for _, o := range operands {
			sum += flat(o.Value)
		}
		return sum * n
	}
}

// whole is a result that has all of its operands in it, each as often as it
// stands there.
func whole(n int64) growth {
	return func(operands []*ast.Term, most int64) int64 {
		var sum int64
		for _, o := range operands {
			sum += weigh(o.Value, most-sum)
		}
		return sum * n
	}
}

// flat is the size of a value without what its items hold.
func flat(v ast.Value) int64 {
	switch v := v.(type) {
	case ast.String:
		return int64(len(v))
	case ast.Number:
		return int64(len(v)) + exponent(string(v))
	case *ast.Array:
		return int64(v.Len()) * termBytes
	case ast.Set:
		return int64(v.Len()) * termBytes
	case ast.Object:
		return int64(v.Len()) * 2 * termBytes
	}
	return 0
}

// numbers is for arithmetic: a number written short may have many digits, in a
// list too.
func numbers(operands []*ast.Term, most int64) int64 {
	var sum int64
	each := func(t *ast.Term) error {
		sum += flat(t.Value)
		return nil
	}
	for _, o := range operands {
		sum += flat(o.Value)
		switch v := o.Value.(type) {
		case *ast.Array:
			_ = v.Iter(each)
		case ast.Set:
			_ = v.Iter(each)
		}
	}
	return sum
}

// exponent is how many digits a number's exponent stands for.
func exponent(number string) int64 {
	i := strings.LastIndexAny(number, "eE")
	if i < 0 || i == len(number)-1 {
		return 0
	}
	n, err := strconv.ParseInt(number[i+1:], 10, 32)
	if err != nil {
		return unbounded
	}
	return max(n, -n)
}

// parsed is for texts that are read as numbers.
func parsed(operands []*ast.Term, _ int64) int64 {
	s := strings.TrimRight(textOf(operands[0]), "kKmMgGtTpPiIbB\"")
	return int64(len(s)) + exponent(s)
}

func textOf(t *ast.Term) string {
	s, _ := t.Value.(ast.String)
	return string(s)
}

func growsByShift(operands []*ast.Term, _ int64) int64 {
	n, _ := operands[1].Value.(ast.Number)
	shift, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		return unbounded
	}
	return shift/2 + flat(operands[0].Value)
}

func growsByConcat(operands []*ast.Term, most int64) int64 {
	sum := weigh(operands[1].Value, most)
	return sum + flat(operands[1].Value)/termBytes*int64(len(textOf(operands[0])))
}

func growsByReplace(operands []*ast.Term, _ int64) int64 {
	s, old, with := textOf(operands[0]), textOf(operands[1]), textOf(operands[2])
	return int64(len(s)) + int64(strings.Count(s, old))*int64(len(with))
}

func growsByReplaceN(operands []*ast.Term, _ int64) int64 {
	s, longest := int64(len(textOf(operands[1]))), int64(0)
	if patterns, ok := operands[0].Value.(ast.Object); ok {
		patterns.Foreach(func(_, with *ast.Term) { longest = max(longest, int64(len(textOf(with)))) })
	}
	return s + (s+1)*longest
}

func growsByRegexReplace(operands []*ast.Term, _ int64) int64 {
	s, with := int64(len(textOf(operands[0]))), textOf(operands[2])
	return s + (s+1)*int64(len(with)) + int64(strings.Count(with, "$"))*s
}

// growsBySprintf counts each verb as all of the arguments, and as its width.
func growsBySprintf(operands []*ast.Term, most int64) int64 {
	format := textOf(operands[0])
	args := weigh(operands[1].Value, most)
	sum := int64(len(format))
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		sum += args
		for i++; i < len(format) && strings.IndexByte("+-# 0123456789.*[]", format[i]) >= 0; {
			digits := i
			for digits < len(format) && format[digits] >= '0' && format[digits] <= '9' {
				digits++
			}
			if width, err := strconv.ParseInt(format[i:digits], 10, 32); err == nil {
				sum += min(width, maxWidth)
			}
			if format[i] == '*' {
				sum += maxWidth
			}
			i = max(digits, i+1)
		}
	}
	return sum
}

// maxWidth is the widest that fmt writes.
const maxWidth = 1_000_000

// growsByTemplate gives up where a template loops or formats.
func growsByTemplate(operands []*ast.Term, most int64) int64 {
	template := textOf(operands[0])
	for _, word := range []string{"range", "printf", "define", "template", "block"} {
		if strings.Contains(template, word) {
			return unbounded
		}
	}
	return int64(len(template)) + int64(strings.Count(template, "{{"))*weigh(operands[1].Value, most)
}

// growsByIndent is for JSON that is written with a prefix and an indent.
func growsByIndent(operands []*ast.Term, most int64) int64 {
	return weigh(operands[0].Value, most) * (2 + 64*weigh(operands[1].Value, most)/termBytes)
}

func growsByPairs(operands []*ast.Term, _ int64) int64 {
	return (flat(operands[0].Value) + 1) * (flat(operands[1].Value) + 1) / termBytes
}

// growsByPaths is for all paths of a graph: as many as the product of what
// leads on from each node.
func growsByPaths(operands []*ast.Term, most int64) int64 {
	graph, ok := operands[0].Value.(ast.Object)
	if !ok {
		return 0
	}
	paths, nodes := int64(1), int64(graph.Len())
	graph.Foreach(func(_, edges *ast.Term) {
		if n := flat(edges.Value) / termBytes; n > 1 && paths < most {
			paths *= n
		}
	})
	return paths * (nodes + 1) * termBytes
}
