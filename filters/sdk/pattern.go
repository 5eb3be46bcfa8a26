package sdk

// Pattern is a regular expression that was made a table of states when the
// filter's decoder was generated: nothing of package regexp is in the module.
// A string matches where any part of it does.
type Pattern struct {
	Source string  // as it was written
	States []State // the first is the start
}

// State is one of a Pattern's.
type State struct {
	End   bool   // a string that ends here matches
	Sure  bool   // whatever follows, it matches
	Edges []Edge // in order
}

// Edge leads to another state with any of some characters: the first, the
// last, and the state's index.
type Edge [3]rune

// Match tells whether a string, or a part of it, matches.
func (p *Pattern) Match(text string) bool {
	at := &p.States[0]
	for _, r := range text {
		if at.Sure {
			return true
		}
		next := at.next(r)
		if next < 0 {
			return false
		}
		at = &p.States[next]
	}
	return at.Sure || at.End
}

func (s *State) next(r rune) int {
	for i := range s.Edges {
		if e := &s.Edges[i]; r >= e[0] && r <= e[1] {
			return int(e[2])
		}
	}
	return -1
}
