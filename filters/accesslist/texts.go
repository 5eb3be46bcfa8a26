package accesslist

import "strings"

// texts is a set of the lines of one text, which stays as it is: a table holds
// where each begins. Looking one up copies nothing.
type texts struct {
	lines string
	table []uint32 // by hash: 1 + where a line begins; 0: free
	fold  bool     // ASCII letters are alike in either case
}

// newTexts makes the table half empty at least, so that lines that hash alike
// stand close together.
func newTexts(lines string, fold bool) *texts {
	size := 8
	for count := strings.Count(lines, "\n") + 1; size < 2*count; {
		size *= 2
	}
	t := &texts{lines: lines, table: make([]uint32, size), fold: fold}
	for at := 0; at < len(lines); {
		end := t.end(at)
		if end > at {
			t.add(at, end)
		}
		at = end + 1
	}
	return t
}

// end is where the line that begins somewhere ends.
func (t *texts) end(at int) int {
	if i := strings.IndexByte(t.lines[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(t.lines)
}

func (t *texts) add(at, end int) {
	line := t.lines[at:end]
	for i := t.hash(line); ; i++ {
		slot := &t.table[i&(len(t.table)-1)]
		if *slot == 0 {
			*slot = uint32(at) + 1
			return
		}
		if t.is(int(*slot)-1, line) {
			return
		}
	}
}

func (t *texts) has(value string) bool {
	if value == "" {
		return false
	}
	for i := t.hash(value); ; i++ {
		slot := t.table[i&(len(t.table)-1)]
		if slot == 0 {
			return false
		}
		if t.is(int(slot)-1, value) {
			return true
		}
	}
}

// is tells whether the line that begins somewhere is a value.
func (t *texts) is(at int, value string) bool {
	if len(t.lines)-at < len(value) || len(t.lines)-at > len(value) && t.lines[at+len(value)] != '\n' {
		return false
	}
	if !t.fold {
		return t.lines[at:at+len(value)] == value
	}
	for i := range len(value) {
		if lower(t.lines[at+i]) != lower(value[i]) {
			return false
		}
	}
	return true
}

// hash is FNV-1a. Who chooses values cannot choose the lines: the longest row
// of filled slots is the list's own.
func (t *texts) hash(value string) int {
	h := uint32(2166136261)
	for i := range len(value) {
		b := value[i]
		if t.fold {
			b = lower(b)
		}
		h = (h ^ uint32(b)) * 16777619
	}
	h ^= h >> 15
	return int(h & 0x7fffffff)
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
