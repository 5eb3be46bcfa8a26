package rollout

import (
	"math"
	"slices"

	"github.com/krater-mesh/krater/model"
)

// threshold is the point up to which proxies are in the share of the step:
// never less than before, and with a percent never so low that no proxy has
// the new version, or none that could tell of it.
func (t turn) threshold() float64 {
	percent := t.Share.Percent
	if percent <= 0 {
		return t.UpTo
	}
	if percent >= 100 {
		return 100
	}
	var all, connected []float64
	for _, p := range t.selected() {
		point := model.Point(p.Workload.ID(), t.Object)
		all = append(all, point)
		if p.Connected {
			connected = append(connected, point)
		}
	}
	if len(all) == 0 {
		return t.UpTo
	}
	slices.Sort(all)
	count := int(math.Ceil(percent / 100 * float64(len(all))))
	out := max(t.UpTo, all[max(count, 1)-1])
	if len(connected) > 0 {
		out = max(out, slices.Min(connected))
	}
	return out
}
