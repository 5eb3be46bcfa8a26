package filters

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// span is a range of a process' addresses.
type span struct{ from, to uint64 }

func (s span) size() uint64            { return s.to - s.from }
func (s span) has(address uint64) bool { return address >= s.from && address < s.to }
func (s span) String() string          { return fmt.Sprintf("%x-%x", s.from, s.to) }

// layout is what matters here of a process' memory.
type layout struct {
	code     []span // made while it runs: compiled Wasm, and V8's own
	files    []span // code of the program and its libraries
	memories []span // linear memories of Wasm VMs, as far as they have grown
}

// V8 keeps 8 GiB of addresses for a linear memory, so that no index leads out
// of it: its pages first, then what may not be touched. It keeps 512 MiB for
// the code of one VM that is not Wasm. Both were seen in Envoy 1.40.
const (
	reservation    = 8 << 30
	isolateAtLeast = 256 << 20
)

func layoutOf(pid int) (layout, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return layout{}, fmt.Errorf("looking at envoy's memory: %w", err)
	}
	return readLayout(text), nil
}

// readLayout reads /proc/PID/maps. What it does not know it leaves out.
func readLayout(text []byte) (out layout) {
	var before span
	var writable bool // what lies before is anonymous, and may be written
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 || len(fields[1]) < 4 {
			continue
		}
		s, ok := readSpan(fields[0])
		if !ok {
			continue
		}
		mode, anonymous := fields[1], len(fields) == 5
		switch {
		case mode[2] == 'x' && !anonymous:
			out.files = append(out.files, s)
		case mode[2] == 'x' && s.size() < isolateAtLeast:
			out.code = append(out.code, s)
		case mode[:3] == "---" && writable && before.to == s.from && before.size()+s.size() == reservation:
			out.memories = append(out.memories, before)
		}
		before, writable = s, anonymous && mode[:3] == "rw-"
	}
	return out
}

func readSpan(text string) (s span, ok bool) {
	from, to, _ := strings.Cut(text, "-")
	var err1, err2 error
	s.from, err1 = strconv.ParseUint(from, 16, 64)
	s.to, err2 = strconv.ParseUint(to, 16, 64)
	return s, err1 == nil && err2 == nil && s.from < s.to
}

// without are the parts of some spans that lie in none of others.
func without(spans, others []span) (out []span) {
	others = slices.Clone(others)
	slices.SortFunc(others, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, s := range spans {
		for _, o := range others {
			if o.to <= s.from || o.from >= s.to {
				continue
			}
			if o.from > s.from {
				out = append(out, span{s.from, o.from})
			}
			s.from = min(o.to, s.to)
		}
		if s.from < s.to {
			out = append(out, s)
		}
	}
	return out
}

func anyHas(spans []span, address uint64) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.has(address) })
}
