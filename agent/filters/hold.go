package filters

import (
	"time"

	"github.com/krater-mesh/krater/model"
)

// heldFor is for how long a request that a filter held is told of.
const heldFor = time.Minute

const heldReason = "it held a request for longer than limits.pause"

// holder is the filter that a line of the watch tells of; nil: it is no such line.
func (k *Keeper) holder(text string) *plugin {
	for _, all := range k.sent {
		for _, p := range all {
			if model.WatchHeld(text, p.name) {
				return &p
			}
		}
	}
	return nil
}

// held notes that a filter held a request until the watch ended it. It is
// started afresh: it may have lost what it waits for. One that fails open stands
// aside for a time before, so that those who come next need not wait.
func (k *Keeper) held(p plugin, now time.Time) {
	v := k.vms[vmKey(p)]
	if v == nil {
		return
	}
	v.held, v.holding = v.held+1, now
	if !v.restart.IsZero() || now.Before(v.freshUntil) {
		return
	}
	wait := v.back.after(now)
	if p.open() {
		v.restart, v.resting = now.Add(wait), true
	} else {
		v.freshUntil = now.Add(wait)
		v.generation++
		v.reloads++
	}
	k.o.Logger.Warn("a filter held a request", "filter", p.name, "open", p.open(), "held", v.held, "pause", wait)
	k.change()
}
