package probe

import "github.com/krater-mesh/krater/model"

type state int

const (
	unknown state = iota
	well
	unwell
)

// tally counts answers in a row.
type tally struct {
	last      state
	good, bad uint32
}

// add takes one answer, and tells whether it changes what the application is.
func (t *tally) add(good bool, p *model.Probe) bool {
	if good {
		t.good, t.bad = t.good+1, 0
		return t.good >= p.SuccessThreshold && t.settle(well)
	}
	t.good, t.bad = 0, t.bad+1
	return t.bad >= p.FailureThreshold && t.settle(unwell)
}

// settle tells whether the state is another one than before.
func (t *tally) settle(s state) bool {
	before := t.last
	t.last = s
	return before != s
}

// restart forgets the answers to another question, not what came of them.
func (t *tally) restart() { t.good, t.bad = 0, 0 }
