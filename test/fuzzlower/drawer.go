package fuzzlower

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Drawer draws.
type Drawer struct {
	*rand.Rand
	p       *Policy // being drawn
	names   int     // given to helpers and variables so far
	depth   int     // of helpers that call helpers
	locked  bool    // no more helpers: inside of one that must stay simple
	foreign bool    // constructs that a proxy cannot decide may be drawn
}

// New gives the i-th drawer of a seed.
func New(seed uint64, i int) *Drawer { return &Drawer{Rand: rand.New(rand.NewPCG(seed, uint64(i)))} }

func (d *Drawer) of(texts ...string) string { return texts[d.IntN(len(texts))] }

// chance is true so many times of a hundred.
func (d *Drawer) chance(percent int) bool { return d.IntN(100) < percent }

func (d *Drawer) name(prefix string) string {
	d.names++
	return fmt.Sprintf("%s%d", prefix, d.names)
}

// choice is one of several ways to draw something.
type choice[T any] struct {
	weight int
	draw   func() T
}

func choose[T any](d *Drawer, choices []choice[T]) T {
	total := 0
	for _, c := range choices {
		total += c.weight
	}
	n := d.IntN(total)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			return c.draw()
		}
	}
	panic("unreachable: the weights add up")
}

// feature notes a construct.
func (d *Drawer) feature(name string) { d.p.Features[name] = true }

// atom notes a constant.
func (d *Drawer) atom(input, text string) {
	if input != "" {
		d.p.Atoms = append(d.p.Atoms, Atom{Input: input, Text: text})
	}
}

// quote writes a text as Rego: in JSON's escapes.
func quote(s string) string { return strconv.QuoteToASCII(s) }

// plain is what quote was given.
func plain(s string) string {
	out, err := strconv.Unquote(s)
	if err != nil {
		panic(err) // quote made it
	}
	return out
}
