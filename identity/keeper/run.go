package keeper

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/krater-mesh/krater/identity"
	"golang.org/x/sync/errgroup"
)

// Run gets the certificate, renews it, and follows the mesh's roots until ctx
// ends.
func (k *Keeper) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { k.renewals(ctx); return nil })
	group.Go(func() error { k.roots(ctx); return nil })
	return group.Wait()
}

// renewals asks whenever a certificate is due, and again until there is one.
func (k *Keeper) renewals(ctx context.Context) {
	due := renewAt(k.now(), k.o.Jitter())
	for attempt := 0; ctx.Err() == nil; {
		if !k.await(ctx, due) {
			return
		}
		err := k.obtain(ctx)
		if ctx.Err() != nil {
			return
		}
		k.tell(err, attempt)
		if err != nil {
			attempt++
			due = k.o.Clock().Add(backoff(attempt, k.o.Jitter()))
			continue
		}
		attempt = 0
		due = renewAt(k.now(), k.o.Jitter())
	}
}

// await waits for a time of the clock, which may jump while a machine sleeps,
// or for somebody who wants a new certificate sooner.
func (k *Keeper) await(ctx context.Context, due time.Time) bool {
	for {
		left := due.Sub(k.o.Clock())
		if left <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(min(left, time.Minute))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-k.renew:
			if !k.now().replaced() {
				continue
			}
			if soon := k.o.Clock().Add(time.Duration(k.o.Jitter() * float64(k.o.RotateWithin))); soon.Before(due) {
				due = soon
			}
		case <-timer.C:
		}
		timer.Stop()
	}
}

// tell keeps why there is no new certificate, and logs the first of a row of
// failures and then every tenth.
func (k *Keeper) tell(err error, attempt int) {
	k.mu.Lock()
	k.problem = err
	h := k.held
	k.mu.Unlock()
	switch {
	case err == nil:
		k.o.Logger.Info("the certificate is here", "identity", h.claims.Identity.String(), "workload", h.claims.ID(),
			"until", h.chain[0].NotAfter.UTC().Format(time.RFC3339))
	case attempt%10 == 0:
		left := "there is none"
		if c, ok := k.Current(); ok {
			left = "the present one is good until " + c.Leaf().NotAfter.UTC().Format(time.RFC3339)
		}
		k.o.Logger.Warn("no new certificate; it is tried again", "reason", err, "now", left)
	}
}

// renewAt is at half of the certificate's time, or up to a tenth of it before:
// a mesh that was started at once does not renew at once. Never after half:
// whenever the control plane goes away, half of the time is left.
func renewAt(h held, jitter float64) time.Time {
	if len(h.chain) == 0 {
		return time.Time{}
	}
	leaf := h.chain[0]
	from := h.since
	if from.Before(leaf.NotBefore) || from.After(leaf.NotAfter) {
		from = leaf.NotBefore
	}
	life := leaf.NotAfter.Sub(from)
	return from.Add(time.Duration((0.4 + 0.1*jitter) * float64(life)))
}

// backoff doubles from 100 ms to 10 s, with up to a half taken off.
func backoff(attempt int, jitter float64) time.Duration {
	const first, most = 100 * time.Millisecond, 10 * time.Second
	wait := min(first<<min(max(attempt-1, 0), 10), most)
	return wait - time.Duration(jitter*float64(wait/2))
}

// roots follows the mesh's bundle, as long as there is a certificate to ask
// with.
func (k *Keeper) roots(ctx context.Context) {
	for attempt := 1; ctx.Err() == nil; attempt++ {
		if _, err := k.Wait(ctx); err != nil {
			return
		}
		err := k.watch(ctx, func() { attempt = 0 })
		if ctx.Err() != nil {
			return
		}
		k.o.Logger.Debug("the mesh's roots are not followed for a moment", "reason", err)
		select {
		case <-ctx.Done():
		case <-time.After(backoff(attempt, k.o.Jitter())):
		}
	}
}

func (k *Keeper) watch(ctx context.Context, came func()) error {
	conn, err := k.connect(k.ClientTLS())
	if err != nil {
		return err
	}
	defer conn.Close()
	defer k.setWatching(false)
	return identity.WatchBundles(ctx, conn, func(b identity.Bundle) error {
		came()
		k.setWatching(true)
		return k.follow(b)
	})
}

func (k *Keeper) setWatching(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watching = on
}

func (k *Keeper) following() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.watching
}

// follow takes a bundle over, and has the certificate renewed if another root
// signs now.
func (k *Keeper) follow(b identity.Bundle) error {
	if !slices.Contains(b.TrustDomains(), k.o.TrustDomain) {
		return fmt.Errorf("the mesh's trust domain is %s now, and %s is not one of its aliases", b.TrustDomain, k.o.TrustDomain)
	}
	if k.Bundle().Version() != b.Version() {
		if err := k.update(func(h held) (held, error) { h.bundle = b; return h, nil }); err != nil {
			return err
		}
		k.o.Logger.Info("the mesh's roots are here", "roots", len(b.Roots), "trust domains", b.TrustDomains())
	}
	if k.now().replaced() {
		select {
		case k.renew <- struct{}{}:
		default:
		}
	}
	return nil
}

// replaced tells whether another root signs now than signed the certificate.
func (h held) replaced() bool {
	return len(h.chain) > 0 && h.bundle.Issuer != "" && hex.EncodeToString(h.chain[0].AuthorityKeyId) != h.bundle.Issuer
}
