// Package keeper keeps one machine's identity: it makes the key, which never
// leaves the machine, gets the certificate for it from the mesh's authority by
// a token, renews it by itself, and follows the mesh's roots. What was good
// stays on disk, and serves until it ends, whether anybody answers or not.
package keeper

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/krater-mesh/krater/identity"
)

// Options of a keeper.
type Options struct {
	Dir         string // where key and certificate stay, for its user only
	Server      string // the control plane: "unix:PATH" or "host:port"
	TrustDomain string
	Roots       []byte // PEM: whom to believe that it is the control plane, at the first time
	TokenFile   string // read anew for each request that has no certificate yet
	// Want is who the certificate must be for, as far as it says; another one
	// is not taken.
	Want    identity.Claims
	Address netip.Addr // of a group's member
	// RotateWithin spreads the renewals of a mesh when a new root begins to
	// sign; 30 s if zero.
	RotateWithin time.Duration
	Logger       *slog.Logger
	Clock        func() time.Time
	Jitter       func() float64 // from 0 up to 1
}

// Keeper is one machine's, for one workload.
type Keeper struct {
	o    Options
	file string
	// renew tells Run that the certificate is to be renewed before its time.
	renew chan struct{}

	changing sync.Mutex // one change at a time
	mu       sync.Mutex
	held     held
	watching bool // the bundle is the authority's newest
	changed  chan struct{}
	problem  error
}

// Open reads what is on the disk. It asks nobody.
func Open(o Options) (*Keeper, error) {
	o = defaults(o)
	k := &Keeper{o: o, file: filepath.Join(o.Dir, "credential.json"), renew: make(chan struct{}, 1), changed: make(chan struct{})}
	var given identity.Bundle
	if len(o.Roots) > 0 {
		var err error
		if given, err = identity.ParseBundle(o.TrustDomain, o.Roots); err != nil {
			return nil, err
		}
	}
	h, err := k.load()
	if err != nil {
		return nil, err
	}
	k.held = h.known(given)
	if len(k.held.bundle.Roots) == 0 {
		return nil, errors.New("without the mesh's root certificate nobody can be believed to be its control plane")
	}
	return k, nil
}

func defaults(o Options) Options {
	if o.RotateWithin == 0 {
		o.RotateWithin = 30 * time.Second
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Current is the credential of now; false: there is none, or it ended.
func (k *Keeper) Current() (identity.Credential, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held.credential(k.o.Clock())
}

// Bundle is whom to believe now, also before there is a credential.
func (k *Keeper) Bundle() identity.Bundle {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held.bundle
}

// Changed is closed when the credential or the bundle is another one. Take it
// before Current, so that no change comes between.
func (k *Keeper) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// Wait gives the first credential. It says why there is none where ctx ends.
func (k *Keeper) Wait(ctx context.Context) (identity.Credential, error) {
	for {
		changed := k.Changed()
		if c, ok := k.Current(); ok {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return identity.Credential{}, fmt.Errorf("no certificate: %w", errors.Join(ctx.Err(), k.LastError()))
		case <-changed:
		}
	}
}

// LastError is why the newest attempt got no certificate; nil if it got one.
func (k *Keeper) LastError() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.problem
}

// ClientTLS connects to the mesh's control plane, and to nobody else.
func (k *Keeper) ClientTLS() *tls.Config { return k.ClientTLSTo(identity.ControlPlane) }

// ClientTLSTo connects to one of Krater's own parts.
func (k *Keeper) ClientTLSTo(part string) *tls.Config {
	return identity.ClientTLS(k.Current, k.Bundle, part, k.o.Clock)
}

// ServerTLS serves as who the credential says.
func (k *Keeper) ServerTLS() *tls.Config { return identity.ServerTLS(k.Current, k.o.Clock) }

// update puts something in force, on the disk first.
func (k *Keeper) update(next func(held) (held, error)) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	h, err := next(k.now())
	if err != nil {
		return err
	}
	if err := h.save(k.file); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = h
	if h.pending == nil {
		k.problem = nil // nothing is asked for
	}
	close(k.changed)
	k.changed = make(chan struct{})
	return nil
}

func (k *Keeper) now() held {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held
}
