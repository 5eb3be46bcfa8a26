package filters

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
)

// calm is after how long without a trap a filter is taken to be well.
const calm = 30 * time.Second

// selfReloads is how many traps in a row Envoy's own reloading may answer,
// before the filter has to rest.
const selfReloads = 3

// read takes in a line of Envoy's log.
func (k *Keeper) read(l line) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if address, ok := l.frameOf(); ok {
		k.run.crash.frames = append(k.run.crash.frames, address)
		return
	}
	switch {
	case l.stuck():
		k.run.crash.stuck = true
	case l.trap():
		k.trapped(l, time.Now())
	case l.logger == "wasm" && k.holder(l.text) != nil:
		k.held(*k.holder(l.text), time.Now())
	case l.logger == "wasm" && strings.HasPrefix(l.text, "wasm log "):
		if p, text, ok := k.writer(l.text); ok {
			k.wroteLine(l.thread, p.name, l.level == 'E' || l.level == 'C', text)
			return
		}
	}
	delete(k.wrote, l.thread)
}

// writer is the filter that wrote a line.
func (k *Keeper) writer(text string) (p plugin, rest string, ok bool) {
	for _, all := range k.sent {
		for _, p := range all {
			generation := 0
			if v := k.vms[vmKey(p)]; v != nil {
				generation = v.generation
			}
			for ; generation >= 0; generation-- { // old ones write while they drain
				if rest, ok := strings.CutPrefix(text, p.logPrefix(model.VMGeneration(p.vm, generation))+": "); ok {
					return p, rest, true
				}
			}
		}
	}
	return plugin{}, "", false
}

// trapped notes a trap, and has the VM started again later each time.
func (k *Keeper) trapped(l line, now time.Time) {
	who, reason := k.trapper(l.thread)
	reason = cmp.Or(k.panicked(l.thread), reason)
	for _, p := range who {
		v := k.vms[vmKey(p)]
		if v == nil {
			continue
		}
		if v.failing.IsZero() {
			v.failing = now
		}
		v.traps, v.trapped, v.reason = v.traps+1, now, l.text
		if reason != "" {
			v.reason = reason + " (" + l.text + ")"
		}
		if !v.restart.IsZero() {
			continue // its other workers' VMs trap too
		}
		wait := v.pause.after(now)
		if p.reloads() && wait < v.pause.first<<selfReloads {
			continue // Envoy does it
		}
		v.restart = now.Add(wait)
		if v.resting = p.reloads(); v.resting {
			k.change()
		}
		k.o.Logger.Warn("a filter trapped and is started again", "filter", p.name, "in", wait, "traps", v.traps, "reason", v.reason)
	}
}

// trapper finds out who trapped: who wrote a fatal line on the thread just
// before, or the only one that there is. Else all may have.
func (k *Keeper) trapper(thread string) (who []plugin, reason string) {
	byVM := map[string]plugin{}
	for _, all := range k.sent {
		for _, p := range all {
			if w := k.wrote[thread]; w.fatal && w.name == p.name {
				return []plugin{p}, ""
			}
			if k.decide(p) == "" {
				byVM[vmKey(p)] = p
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byVM)) {
		who = append(who, byVM[key])
	}
	if len(who) > 1 {
		reason = fmt.Sprintf("one of %d filters, which wrote nothing before", len(who))
	}
	return who, reason
}

// settle starts again what is due, and calls well what has been calm.
func (k *Keeper) settle(now time.Time) {
	for _, v := range k.vms {
		if !v.restart.IsZero() && !now.Before(v.restart) {
			v.restart, v.resting = time.Time{}, false
			v.generation++
			v.reloads++
			k.change()
		}
		if !v.failing.IsZero() && v.restart.IsZero() && now.Sub(v.trapped) > calm {
			v.failing, v.reason = time.Time{}, ""
		}
	}
}
