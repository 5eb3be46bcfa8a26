package rollout

import (
	"math"
	"slices"

	"github.com/krater-mesh/krater/model"
)

// threshold is the point up to which proxies are in the share of the step:
// never less than before, and with a percent never so low that it is nobody.
func (t turn) threshold() float64 {
	percent := t.Share.Percent
	if percent <= 0 {
		return t.UpTo
	}
	if percent >= 100 {
		return 100
	}
	var all []float64
	for _, p := range t.selected() {
		all = append(all, model.Point(p.Workload.ID(), t.Object))
	}
	if len(all) == 0 {
		return t.UpTo
	}
	slices.Sort(all)
	count := int(math.Ceil(percent / 100 * float64(len(all))))
	return max(t.UpTo, all[max(count, 1)-1])
}

// widen takes one more proxy into a share of which none has been connected for
// so long that nothing can be learned from it.
func (t turn) widen() {
	next := 100.0
	for _, p := range t.selected() {
		if point := model.Point(p.Workload.ID(), t.Object); p.Connected && point > t.UpTo {
			next = min(next, point)
		}
	}
	had := t.RolloutState
	t.UpTo = next
	t.phase(model.RolloutPreloading)
	t.load(func(w *model.Workload) bool { return !had.Wants(w) })
	t.event(Stepped, "no proxy that had it is connected")
}

// away tells whether proxies have had time to connect, so that those that have
// not are away: all of them do when a control plane starts.
func (t turn) away() bool {
	from := t.Since
	if t.book.opened.After(from) {
		from = t.book.opened
	}
	return t.in.Now.Sub(from) > patience
}
