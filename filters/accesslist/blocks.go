package accesslist

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/filters/accesslist/config"
)

// blocks are ranges of addresses that do not touch, in order: of each family
// its own, since an IPv4 address written as IPv6 is in no IPv4 block, as in
// Envoy.
type blocks struct {
	four []span[four]
	six  []span[six]
}

type (
	four uint32
	six  struct{ high, low uint64 }
	// span is all addresses from the first to the last.
	span[A any] struct{ first, last A }
)

// newBlocks reads lines that were checked; one that is no block is none.
func newBlocks(lines string) *blocks {
	b := &blocks{}
	for line := range strings.SplitSeq(lines, "\n") {
		if line == "" {
			continue
		}
		p, err := config.ParseBlock(line)
		if err != nil {
			continue
		}
		if a := p.Addr(); a.Is4() {
			first := toFour(a)
			b.four = append(b.four, span[four]{first, first | four(uint64(1)<<(32-p.Bits())-1)})
		} else {
			b.six = append(b.six, span[six]{toSix(a), toSix(a).end(p.Bits())})
		}
	}
	b.four = merge(b.four, func(a, b four) int { return compare(uint64(a), uint64(b)) })
	b.six = merge(b.six, six.compare)
	return b
}

func (b *blocks) has(value string) bool {
	a, err := netip.ParseAddr(value)
	switch {
	case err != nil || a.Zone() != "":
		return false
	case a.Is4():
		return within(b.four, toFour(a), func(a, b four) int { return compare(uint64(a), uint64(b)) })
	}
	return within(b.six, toSix(a), six.compare)
}

// merge sorts spans, and makes one of those that overlap.
func merge[A any](list []span[A], order func(a, b A) int) []span[A] {
	slices.SortFunc(list, func(a, b span[A]) int { return order(a.first, b.first) })
	out := list[:0]
	for _, s := range list {
		if n := len(out); n > 0 && order(s.first, out[n-1].last) <= 0 {
			if order(s.last, out[n-1].last) > 0 {
				out[n-1].last = s.last
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// within finds the last span that begins no later, by halves.
func within[A any](list []span[A], a A, order func(a, b A) int) bool {
	low, high := 0, len(list)
	for low < high {
		middle := (low + high) / 2
		if order(list[middle].first, a) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low > 0 && order(a, list[low-1].last) <= 0
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (a six) compare(b six) int {
	if c := compare(a.high, b.high); c != 0 {
		return c
	}
	return compare(a.low, b.low)
}

// end is the last address of a block that begins here.
func (a six) end(bits int) six {
	if bits <= 64 {
		return six{a.high | (1<<(64-bits) - 1), ^uint64(0)}
	}
	return six{a.high, a.low | (1<<(128-bits) - 1)}
}

func toFour(a netip.Addr) four {
	b := a.As4()
	return four(b[0])<<24 | four(b[1])<<16 | four(b[2])<<8 | four(b[3])
}

func toSix(a netip.Addr) (out six) {
	b := a.As16()
	for i := range 8 {
		out.high, out.low = out.high<<8|uint64(b[i]), out.low<<8|uint64(b[i+8])
	}
	return out
}
