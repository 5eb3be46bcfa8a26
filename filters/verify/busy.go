package verify

import (
	"context"
	"runtime"
	"time"
)

// patience is how many times its limit of work a module may take by the clock:
// a machine that has other things to do is no loop.
const patience = 4

// working gives a context that ends when this goroutine has worked so long, in
// time of a processor. It must be ended on the same goroutine.
func working(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	runtime.LockOSThread()
	spent, known := workOfThread()
	if !known {
		runtime.UnlockOSThread()
		return context.WithTimeout(ctx, limit)
	}
	ctx, cancel := context.WithTimeout(ctx, patience*limit)
	stop := make(chan struct{})
	go func() {
		t := time.NewTicker(max(limit/50, time.Millisecond))
		defer t.Stop()
		for began := spent(); ; {
			select {
			case <-stop:
				return
			case <-t.C:
				if spent()-began >= limit {
					cancel()
					return
				}
			}
		}
	}()
	return ctx, func() {
		close(stop)
		cancel()
		runtime.UnlockOSThread()
	}
}
