package lower

import (
	"slices"
	"strings"
)

// patchTable reads a text that differs from an earlier one in few places that
// stand together: all entries before and behind them are taken over. nil: it
// is to be read whole.
func patchTable(text string, before *base) *table {
	if before == nil || before.table == nil || !before.table.ordered {
		return nil
	}
	old, shift := before.table.entries, len(text)-len(before.text)
	same := commonPrefix(text, before.text)
	tail := commonSuffix(text[same:], before.text[same:])
	i, _ := slices.BinarySearchFunc(old, same, func(e entry, at int) int { return e.end - at })
	j, _ := slices.BinarySearchFunc(old, len(before.text)-tail, func(e entry, at int) int { return e.from - at })
	if j < i {
		return nil
	}
	from, to := 1, len(text)-1
	if i > 0 {
		from = old[i-1].end
	}
	if j < len(old) {
		to = old[j].from + shift
	}
	if from > to || text[len(text)-1] != '}' {
		return nil
	}
	middle, ok := between(text[from:to], i > 0, j < len(old))
	if !ok {
		return nil
	}
	fresh, ok := scanMembers("{" + middle + "}")
	if !ok {
		return nil
	}
	offset := from + strings.Index(text[from:to], middle) - 1
	out := &table{entries: make([]entry, 0, len(old)+len(fresh)), ordered: true}
	out.entries = append(out.entries, old[:i]...)
	for _, e := range fresh {
		e.name, e.text = strings.Clone(e.name), strings.Clone(e.text)
		e.from, e.end = e.from+offset, e.end+offset
		if !e.read() {
			return nil
		}
		out.entries = append(out.entries, e)
	}
	for _, e := range old[j:] {
		e.from, e.end = e.from+shift, e.end+shift
		out.entries = append(out.entries, e)
	}
	for k := max(i, 1); k < len(out.entries) && k <= i+len(fresh); k++ {
		if out.entries[k-1].name >= out.entries[k].name {
			return nil
		}
	}
	if slices.EqualFunc(old[i:j], fresh, func(a, b entry) bool { return a.name == b.name }) {
		out.index = before.table.index
	} else {
		out.makeIndex()
	}
	return out
}

// between is the text of the entries between those that are taken over.
func between(text string, comma, more bool) (string, bool) {
	text = strings.TrimSpace(text)
	if comma && more && text == "," {
		return "", true
	}
	if comma && text != "" {
		if text[0] != ',' {
			return "", false
		}
		text = text[1:]
	}
	if more {
		if !strings.HasSuffix(text, ",") {
			return "", false
		}
		text = text[:len(text)-1]
	}
	return text, strings.TrimSpace(text) != "" || !comma && !more
}

const block = 4096

// commonPrefix is how many bytes two texts begin with alike.
func commonPrefix(a, b string) int {
	n, least := 0, min(len(a), len(b))
	for n+block <= least && a[n:n+block] == b[n:n+block] {
		n += block
	}
	for n < least && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b string) int {
	n, least := 0, min(len(a), len(b))
	for n+block <= least && a[len(a)-n-block:len(a)-n] == b[len(b)-n-block:len(b)-n] {
		n += block
	}
	for n < least && a[len(a)-n-1] == b[len(b)-n-1] {
		n++
	}
	return n
}
