package sdk

// HeaderList is Headers in memory, for tests and for asking a filter offline.
// Names are compared as they are: keep them in lower case.
type HeaderList struct{ pairs [][2]string }

var _ Headers = (*HeaderList)(nil)

// NewHeaderList copies pairs of name and value.
func NewHeaderList(pairs ...[2]string) *HeaderList {
	return &HeaderList{pairs: append([][2]string(nil), pairs...)}
}

// Get implements Headers.
func (h *HeaderList) Get(name string) (string, bool) {
	value, found := "", false
	for _, p := range h.pairs {
		if p[0] != name {
			continue
		}
		if found && name == "cookie" {
			value += "; " + p[1]
		} else if found {
			value += "," + p[1]
		} else {
			value, found = p[1], true
		}
	}
	return value, found
}

// Set implements Headers: the first value is replaced, the others go.
func (h *HeaderList) Set(name, value string) {
	kept, found := h.pairs[:0], false
	for _, p := range h.pairs {
		if p[0] != name {
			kept = append(kept, p)
		} else if !found {
			kept, found = append(kept, [2]string{name, value}), true
		}
	}
	h.pairs = kept
	if !found {
		h.Add(name, value)
	}
}

// Add implements Headers.
func (h *HeaderList) Add(name, value string) {
	h.pairs = append(h.pairs, [2]string{name, value})
}

// Remove implements Headers.
func (h *HeaderList) Remove(name string) {
	kept := h.pairs[:0]
	for _, p := range h.pairs {
		if p[0] != name {
			kept = append(kept, p)
		}
	}
	h.pairs = kept
}

// All implements Headers.
func (h *HeaderList) All() [][2]string { return append([][2]string(nil), h.pairs...) }

// Pairs lists a map's headers in the order of their names. It sorts by
// insertion: the lists are short, and package sort would weigh 20 kB in every
// module.
func Pairs(m map[string]string) [][2]string {
	var pairs [][2]string
	for name, value := range m {
		i := len(pairs)
		pairs = append(pairs, [2]string{})
		for ; i > 0 && pairs[i-1][0] > name; i-- {
			pairs[i] = pairs[i-1]
		}
		pairs[i] = [2]string{name, value}
	}
	return pairs
}
