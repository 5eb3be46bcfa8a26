package serve

// holding is what a proxy has of one type: all of a group that was settled,
// but for some names. So it is small, however many resources there are.
type holding struct {
	base  *group
	apart map[string]digest // absent: told that it does not exist; unheard: told nothing
}

func newHolding() *holding { return &holding{base: emptyGroup, apart: map[string]digest{}} }

// of gives what the proxy has of a name, and whether it was told anything.
func (h *holding) of(name string) (d digest, told bool) {
	if d, ok := h.apart[name]; ok {
		return d, d != unheard
	}
	d = h.base.want(name)
	return d, d != absent
}

// real tells whether the proxy has the resource.
func (h *holding) real(name string) bool {
	d, told := h.of(name)
	return told && d != absent
}

// put notes what the proxy has now.
func (h *holding) put(name string, d digest) {
	if d != absent && h.base.want(name) == d {
		delete(h.apart, name)
		return
	}
	h.apart[name] = d
}

// forget notes that the proxy has heard nothing of a name.
func (h *holding) forget(name string) {
	if h.base.find(name) == nil {
		delete(h.apart, name)
		return
	}
	h.apart[name] = unheard
}

// settle makes a group the base, of which the proxy has all that it wants.
// Nothing else changes by it.
func (h *holding) settle(g *group) {
	if h.base == g {
		return
	}
	next := &holding{base: g, apart: map[string]digest{}}
	keep := func(name string) {
		if d, told := h.of(name); told {
			next.put(name, d)
		} else {
			next.forget(name)
		}
	}
	for _, name := range changed(h.base, g) {
		keep(name)
	}
	for name := range h.apart {
		keep(name)
	}
	*h = *next
}

// names gives every name that the proxy has or was told to be absent.
func (h *holding) names() []string {
	var out []string
	for r := range h.base.all() {
		if _, ok := h.apart[r.name]; !ok {
			out = append(out, r.name)
		}
	}
	for name, d := range h.apart {
		if d != unheard {
			out = append(out, name)
		}
	}
	return out
}

// count is the number of resources that the proxy has.
func (h *holding) count() int {
	n := h.base.count()
	for name, d := range h.apart {
		is := d != absent && d != unheard
		switch was := h.base.find(name) != nil; {
		case was && !is:
			n--
		case is && !was:
			n++
		}
	}
	return n
}
