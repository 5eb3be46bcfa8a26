package filters

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
)

// bringWithin is how long a filter may take to come back, before the next one
// does.
const bringWithin = 30 * time.Second

// Began is called with each start of Envoy.
func (k *Keeper) Began(pid int) {
	k.out.fresh()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.run = run{pid: pid, back: k.run.back, loaded: map[string]bool{}}
	clear(k.sent)
	clear(k.wrote)
	for _, v := range k.vms { // all of them are started with it
		v.restart, v.resting, v.memory = time.Time{}, false, 0
		clear(v.old)
	}
	k.run.loads.seen, _ = layoutOf(pid)
}

// Ended is called when Envoy ended by itself. It tells whether a filter was
// the reason, and Envoy can be started at once.
func (k *Keeper) Ended() (known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.run
	k.run.pid, k.run.back = 0, nil
	suspects := r.crash.suspects(r.regions, r.loads.seen.files, r.loads.order, r.loaded)
	if len(suspects) == 0 {
		return false
	}
	reason := "its code did not return, and Envoy was ended by its watchdog"
	if !r.crash.stuck {
		reason = "Envoy crashed in its code"
	}
	if len(suspects) == 1 {
		k.takeOut(suspects[0], reason, time.Now())
	} else {
		k.o.Logger.Warn("one of several filters ended Envoy; they come back one by one", "modules", suspects, "reason", reason)
	}
	k.run.back = k.comeBack(suspects)
	return true
}

// takeOut takes out the filters of a module, as long as neither it nor what
// they are told changes.
func (k *Keeper) takeOut(digest, reason string, now time.Time) {
	guilty := map[string]plugin{}
	for _, all := range k.sent {
		for _, p := range all {
			if p.digest == digest && k.takenOut[p.identity()] == nil && k.newest(p) {
				guilty[p.identity()] = p
			}
		}
	}
	for identity, p := range guilty {
		k.forgetOldest()
		k.takenOut[identity] = &taken{Since: now, Reason: reason, Lines: slices.Clone(k.lines[p.name])}
		k.o.Logger.Error("a filter is taken out", "filter", p.name, "module", digest, "reason", reason)
	}
	k.save()
}

// mostMet bounds how many filters are remembered.
const mostMet = 4096

// meet notes when a filter was first sent.
func (k *Keeper) meet(p plugin) {
	if len(k.first) >= mostMet {
		clear(k.first)
	}
	if _, met := k.first[p.identity()]; !met {
		k.first[p.identity()] = time.Now()
	}
}

// newest tells whether Envoy has no newer configuration of a filter. While one
// is rolled out the one before stays loaded, to go back to: that ran well.
func (k *Keeper) newest(p plugin) bool {
	for _, all := range k.sent {
		for _, other := range all {
			if other.name == p.name && other.digest == p.digest && k.takenOut[other.identity()] == nil && k.first[other.identity()].After(k.first[p.identity()]) {
				return false
			}
		}
	}
	return true
}

// comeBack are the modules without which Envoy starts, because compiling them
// takes seconds. Those come back first that are not suspected.
func (k *Keeper) comeBack(suspects []string) (out []string) {
	var later []string
	for _, all := range k.sent {
		for _, p := range all {
			switch {
			case p.digest == "" || slices.Contains(out, p.digest) || slices.Contains(later, p.digest):
			case slices.Contains(suspects, p.digest):
				later = append(later, p.digest)
			default:
				out = append(out, p.digest)
			}
		}
	}
	slices.Sort(later)
	slices.SortFunc(out, func(a, b string) int { return k.standing(a) - k.standing(b) })
	return append(out, later...)
}

// standing is who comes back first: those without whom requests are refused.
func (k *Keeper) standing(digest string) int {
	for _, all := range k.sent {
		for _, p := range all {
			if p.digest == digest && !p.open() {
				return 0
			}
		}
	}
	return 1
}

// bringBack lets filters in again, one by one, once Envoy serves. So each is
// known by its compiled code, should Envoy be stuck again.
func (k *Keeper) bringBack(ctx context.Context, serves func(context.Context) bool) {
	for k.waiting() != "" && !serves(ctx) {
		if !sleep(ctx, 50*time.Millisecond) {
			return
		}
	}
	for digest := k.waiting(); digest != ""; digest = k.waiting() {
		k.mu.Lock()
		pid := k.run.pid
		k.run.back = slices.DeleteFunc(k.run.back, func(d string) bool { return d == digest })
		k.change()
		k.mu.Unlock()
		for end := time.Now().Add(bringWithin); !k.settled(pid, digest) && time.Now().Before(end); {
			if !sleep(ctx, 20*time.Millisecond) {
				return
			}
		}
	}
}

// waiting is the next that comes back, while Envoy runs; "": none.
func (k *Keeper) waiting() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run.pid == 0 || len(k.run.back) == 0 {
		return ""
	}
	return k.run.back[0]
}

// settled tells whether a module came back, or does not need to.
func (k *Keeper) settled(pid int, digest string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run.pid != pid || k.run.loaded[digest] {
		return true
	}
	for _, all := range k.sent {
		for _, p := range all {
			if p.digest == digest && k.decide(p) == "" {
				return false
			}
		}
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Run looks after the filters until ctx ends. serves tells whether Envoy takes
// requests.
func (k *Keeper) Run(ctx context.Context, serves func(context.Context) bool) {
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { k.watchLoads(ctx) })
	var weighed time.Time
	for sleep(ctx, 200*time.Millisecond) {
		k.bringBack(ctx, serves)
		now := time.Now()
		k.mu.Lock()
		k.settle(now)
		k.mu.Unlock()
		if now.Sub(weighed) > weighEvery {
			weighed = now
			k.weigh(now)
		}
	}
}

// weighEvery is how often the VMs are measured: one that grows by a MiB a
// request is to be noticed before it has all that Envoy gives.
const weighEvery = time.Second

// Report is how each filter is.
func (k *Keeper) Report(now time.Time) (out []model.FilterReport) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := map[string]int{}
	for _, all := range k.sent {
		for _, p := range all {
			for _, object := range p.objects() {
				r := k.reportOf(p, object, now)
				if i, ok := at[object+r.Digest]; !ok {
					at[object+r.Digest] = len(out)
					out = append(out, r)
				} else if out[i].State == model.FilterRunning {
					out[i] = r
				}
			}
		}
	}
	slices.SortFunc(out, compareObjects)
	return out[:min(len(out), model.MaxFilterReports)]
}

func compareObjects(a, b model.FilterReport) int {
	return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Digest, b.Digest))
}

func (k *Keeper) reportOf(p plugin, object string, now time.Time) model.FilterReport {
	r := model.FilterReport{Object: object, Digest: "sha256:" + p.digest, State: model.FilterRunning}
	if v := k.vms[vmKey(p)]; v != nil {
		r.Traps, r.Reloads, r.Held, r.Memory = v.traps, v.reloads, v.held, int64(v.memory)
		r.OverMemory = !v.over.IsZero() && now.Sub(v.over) < overFor
		if !v.failing.IsZero() {
			r.State, r.Since, r.Reason, r.Lines = model.FilterFailing, v.failing, v.reason, k.lines[p.name]
		} else if v.resting || !v.holding.IsZero() && now.Sub(v.holding) < heldFor {
			r.State, r.Since, r.Reason, r.Lines = model.FilterHolding, v.holding, heldReason, k.lines[p.name]
		} else if r.OverMemory {
			r.Since, r.Reason = v.over, fmt.Sprintf("it had more than its %d bytes", model.VMMemory(v.id))
		}
	}
	if t := k.takenOut[p.identity()]; t != nil {
		r.State, r.Since, r.Reason, r.Lines = model.FilterTakenOut, t.Since, t.Reason, t.Lines
	} else if secret := k.without(p); secret != "" && k.decide(p) == decisionSecret {
		r.State, r.Reason = model.FilterNoSecret, "there is no value of the Secret "+secret
	} else if k.decide(p) == decisionMissing {
		l := k.lacks[p.digest]
		r.State, r.Since, r.Reason = model.FilterMissing, l.since, l.reason
	}
	return r
}
