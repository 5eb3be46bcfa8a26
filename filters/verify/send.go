package verify

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// send sends what there is to send, again and again, and watches the memory.
// One that grows gets more requests than was asked for: many a heap grows for a
// while, and then no more.
func (r *Report) send(ctx context.Context, v *vm, root uint64, o Options) {
	all := exchanges()
	one := v.request
	if o.Type == Network {
		one = v.connection
	}
	w := watch{last: v.size(), window: max(o.Limits.Requests/4, len(all))}
	deadline, _ := ctx.Deadline()
	enough := time.Now().Add(time.Until(deadline) * 3 / 4)
	for n := 0; n < o.Limits.Requests || w.grows(o.Limits.Growth) && n < 20*o.Limits.Requests && v.memory.denied == 0; n++ {
		if ctx.Err() != nil || n >= len(all) && time.Now().After(enough) {
			r.add(CheckTime, Note, "", "there was time for %d of %d requests", n, o.Limits.Requests)
			break
		}
		e := all[n%len(all)]
		limit, cancel := working(ctx, o.Limits.Request)
		err := one(limit, root, e)
		cancel()
		if err != nil && ctx.Err() != nil {
			r.add(CheckTime, Note, "", "there was time for %d of %d requests", n, o.Limits.Requests)
			break // out of time, not out of order
		}
		if err != nil {
			r.broken(CheckRequests, err, o, fmt.Sprintf("in request %d (%s)", n+1, e.name), o.Limits.Request)
			return
		}
		r.Requests = n + 1
		w.see(n+1, v.size())
		if n%64 == 0 {
			runtime.Gosched()
		}
	}
	if r.Requests < min(len(all), o.Limits.Requests) {
		r.fail(CheckTime, "try again when the machine has less to do", "there was no time to send one request of each form, within %s", o.Limits.Total)
		return
	}
	r.MemoryAfter = v.size()
	r.GrowthPerRequest = w.perRequest()
	switch {
	case v.memory.denied > 0:
		r.fail(CheckMemory, "find what it keeps of each request, or raise the limit (spec.limits.memory)", "it wants more than %d MiB of memory, within %d requests: it began with %d KiB",
			o.Limits.Memory>>20, r.Requests, r.MemoryAtStart>>10)
	case w.grows(o.Limits.Growth):
		r.fail(CheckGrowth, "find what it keeps of each request", "its memory grows by %d bytes a request, and did not stop within %d requests: from %d to %d KiB",
			r.GrowthPerRequest, r.Requests, r.MemoryAtStart>>10, r.MemoryAfter>>10)
	case r.GrowthPerRequest > 0:
		r.add(CheckGrowth, Warning, "watch it: krater status shows its memory", "its memory still grew at the end, by %d bytes a request", r.GrowthPerRequest)
	}
}

// watch sees how the memory grows, in windows of requests.
type watch struct {
	window  int
	last    int64   // at the last window's end
	windows []int64 // by how much it grew in each
}

func (w *watch) see(n int, size int64) {
	if n%w.window == 0 {
		w.windows = append(w.windows, size-w.last)
		w.last = size
	}
}

// perRequest is the growth in the last half of the windows; the first is not
// counted, for a heap begins small.
func (w *watch) perRequest() int64 {
	n := len(w.windows)
	if n < 2 {
		return 0
	}
	half := w.windows[max(1, n/2):]
	sum := int64(0)
	for _, g := range half {
		sum += g
	}
	return sum / int64(len(half)*w.window)
}

// grows tells whether the memory goes on growing by too much.
func (w *watch) grows(limit int64) bool { return w.perRequest() >= limit }
