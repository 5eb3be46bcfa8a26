package accesslist

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/filters/ip"
)

// blocks are ranges of addresses that do not overlap, in order: of each family
// its own, since an IPv4 address written as IPv6 is in no IPv4 block, as in
// Envoy.
type blocks struct{ four, six []ip.Block }

// newBlocks reads lines that were checked; one that is no block is none.
func newBlocks(lines string) *blocks {
	b := &blocks{}
	for line := range strings.SplitSeq(lines, "\n") {
		switch block, ok := ip.ParseBlock(line); {
		case !ok:
		case block.First.Six:
			b.six = append(b.six, block)
		default:
			b.four = append(b.four, block)
		}
	}
	b.four, b.six = merge(b.four), merge(b.six)
	return b
}

func (b *blocks) has(value string) bool {
	a, ok := ip.Parse(value)
	switch {
	case !ok:
		return false
	case a.Six:
		return within(b.six, a)
	}
	return within(b.four, a)
}

// merge sorts blocks, and makes one of those that overlap.
func merge(list []ip.Block) []ip.Block {
	slices.SortFunc(list, func(a, b ip.Block) int { return a.First.Compare(b.First) })
	out := list[:0]
	for _, b := range list {
		if n := len(out); n > 0 && b.First.Compare(out[n-1].Last) <= 0 {
			if b.Last.Compare(out[n-1].Last) > 0 {
				out[n-1].Last = b.Last
			}
			continue
		}
		out = append(out, b)
	}
	return out
}

// within finds the last block that begins no later, by halves.
func within(list []ip.Block, a ip.Addr) bool {
	low, high := 0, len(list)
	for low < high {
		middle := (low + high) / 2
		if list[middle].First.Compare(a) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low > 0 && list[low-1].Has(a)
}
