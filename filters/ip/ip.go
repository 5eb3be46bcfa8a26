// Package ip reads and writes IP addresses and blocks of them, as net/netip
// does. It exists for its size: netip takes 170 kB of a module, mostly for
// zones, which it refuses.
package ip

import "strings"

// Addr is an address of either family; one of IPv4 stands in the lower half of
// Low. An IPv4 address that is written as IPv6 is one of IPv6.
type Addr struct {
	High, Low uint64
	Six       bool
}

// Bits is the length of an address of this family.
func (a Addr) Bits() int {
	if a.Six {
		return 128
	}
	return 32
}

// Compare orders the addresses of one family.
func (a Addr) Compare(b Addr) int {
	switch {
	case a.High < b.High, a.High == b.High && a.Low < b.Low:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// Unmap gives the IPv4 address that one of IPv6 stands for, or itself.
func (a Addr) Unmap() Addr {
	if a.Six && a.High == 0 && a.Low>>32 == 0xffff {
		return Addr{Low: a.Low & 0xffffffff}
	}
	return a
}

// Parse reads an address, without a zone, port or brackets.
func Parse(text string) (Addr, bool) {
	if strings.IndexByte(text, ':') < 0 {
		four, ok := parseFour(text)
		return Addr{Low: four}, ok
	}
	return parseSix(text)
}

func parseFour(text string) (out uint64, ok bool) {
	for part := range 4 {
		digits := 0
		n := uint64(0)
		for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' && digits < 4 {
			n = n*10 + uint64(text[digits]-'0')
			digits++
		}
		if digits == 0 || n > 255 || digits > 1 && text[0] == '0' {
			return 0, false
		}
		out, text = out<<8|n, text[digits:]
		if part < 3 {
			if text == "" || text[0] != '.' {
				return 0, false
			}
			text = text[1:]
		}
	}
	return out, text == ""
}

// parseSix reads groups of four hex digits; "::" stands for as many zeros as
// are missing, and the last two may be an IPv4 address.
func parseSix(text string) (Addr, bool) {
	var group [8]uint16
	n, gap := 0, -1
	if strings.HasPrefix(text, "::") {
		if gap, text = 0, text[2:]; text == "" {
			return Addr{Six: true}, true
		}
	}
	for {
		if n == 8 {
			return Addr{}, false
		}
		end := 0
		value := uint32(0)
		for end < len(text) && hex(text[end]) < 16 && end < 5 {
			value = value<<4 | uint32(hex(text[end]))
			end++
		}
		if end < len(text) && text[end] == '.' && n <= 6 && (gap >= 0 || n == 6) {
			four, ok := parseFour(text)
			group[n], group[n+1] = uint16(four>>16), uint16(four)
			return assemble(group, n+2, gap, ok)
		}
		if end == 0 || end > 4 {
			return Addr{}, false
		}
		group[n], text = uint16(value), text[end:]
		n++
		switch {
		case text == "":
			return assemble(group, n, gap, true)
		case strings.HasPrefix(text, "::"):
			if gap >= 0 {
				return Addr{}, false
			}
			if gap, text = n, text[2:]; text == "" {
				return assemble(group, n, gap, true)
			}
		case text[0] == ':' && len(text) > 1:
			text = text[1:]
		default:
			return Addr{}, false
		}
	}
}

// assemble moves the groups behind the gap to the end.
func assemble(group [8]uint16, n, gap int, ok bool) (Addr, bool) {
	if !ok || gap < 0 && n != 8 || gap >= 0 && n > 7 {
		return Addr{}, false
	}
	var all [8]uint16
	if gap < 0 {
		gap = n
	}
	copy(all[:], group[:gap])
	copy(all[8-(n-gap):], group[gap:n])
	out := Addr{Six: true}
	for i := range 4 {
		out.High, out.Low = out.High<<16|uint64(all[i]), out.Low<<16|uint64(all[i+4])
	}
	return out, true
}

// hex gives a digit's value, or more than 15.
func hex(b byte) byte {
	switch {
	case b >= '0' && b <= '9':
		return b - '0'
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10
	}
	return 16
}
