package ip

import (
	"strconv"
	"strings"
)

// Block is all addresses from First to Last.
type Block struct{ First, Last Addr }

// ParseBlock reads "10.0.0.0/8", or one address. Bits behind the prefix do not
// count.
func ParseBlock(text string) (Block, bool) {
	address, length, given := strings.Cut(text, "/")
	a, ok := Parse(address)
	if !ok || !given {
		return Block{a, a}, ok
	}
	bits := 0
	for i := range len(length) {
		if length[i] < '0' || length[i] > '9' || i > 2 || i > 0 && length[0] == '0' {
			return Block{}, false
		}
		bits = bits*10 + int(length[i]-'0')
	}
	if length == "" || bits > a.Bits() {
		return Block{}, false
	}
	if !a.Six {
		behind := uint64(1)<<(32-bits) - 1
		return Block{Addr{Low: a.Low &^ behind}, Addr{Low: a.Low | behind}}, true
	}
	high, low := uint64(1)<<max(0, 64-bits)-1, ^uint64(0)
	if bits > 64 {
		high, low = 0, uint64(1)<<(128-bits)-1
	}
	if bits == 0 {
		high = ^uint64(0)
	}
	return Block{Addr{a.High &^ high, a.Low &^ low, true}, Addr{a.High | high, a.Low | low, true}}, true
}

// Has tells whether an address is in the block.
func (b Block) Has(a Addr) bool {
	return a.Six == b.First.Six && b.First.Compare(a) <= 0 && a.Compare(b.Last) <= 0
}

// String writes an address in the one form of RFC 5952: "2001:db8::1".
func (a Addr) String() string {
	if !a.Six {
		return string(appendFour(nil, a.Low))
	}
	if a.High == 0 && a.Low>>32 == 0xffff {
		return string(appendFour([]byte("::ffff:"), a.Low&0xffffffff))
	}
	var group [8]uint64
	for i := range 4 {
		group[i], group[i+4] = a.High>>(48-16*i)&0xffff, a.Low>>(48-16*i)&0xffff
	}
	from, to := longestZeros(group)
	var out []byte
	for i := 0; i < 8; i++ {
		if i == from {
			out = append(out, "::"...)
			if i = to; i == 8 {
				break
			}
		} else if i > 0 {
			out = append(out, ':')
		}
		out = strconv.AppendUint(out, group[i], 16)
	}
	return string(out)
}

// longestZeros finds the first longest row of two zeros or more.
func longestZeros(group [8]uint64) (from, to int) {
	from = -1
	for i := 0; i < 8; i++ {
		j := i
		for j < 8 && group[j] == 0 {
			j++
		}
		if j-i > to-from && j-i > 1 || from < 0 && j-i > 1 {
			from, to = i, j
		}
		if j > i {
			i = j
		}
	}
	return from, to
}

func appendFour(out []byte, four uint64) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		out = strconv.AppendUint(out, four>>shift&0xff, 10)
		if shift > 0 {
			out = append(out, '.')
		}
	}
	return out
}
