// Package authority is the mesh's certificate authority: tokens and CSRs go
// in, short-lived certificates come out. What a certificate says comes from
// the token, or from the certificate it renews, never from the CSR: one that
// asks for another identity is refused, and told.
package authority

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/krater-mesh/krater/disk"
	"github.com/krater-mesh/krater/identity"
)

// DefaultTTL is how long a certificate is good for.
const DefaultTTL = 24 * time.Hour

// Options of an authority.
type Options struct {
	// Dir keeps what must not be lost: the roots, the key of tokens, which
	// tokens were used. It is its user's only.
	Dir string
	// Files is a folder with an authority that somebody else made, in the form
	// of Istio's cacerts. Empty: the root is made here, once.
	Files       string
	TrustDomain string
	Aliases     []string      // trust domains that the mesh had before
	MaxTTL      time.Duration // of a workload's certificate; DefaultTTL if zero
	// Permit has the last word on a request that is authenticated. Nil permits.
	Permit func(Request) error
	// Observe is told every refusal, after it was logged.
	Observe func(Refusal)
	Logger  *slog.Logger
	Clock   func() time.Time
	Random  io.Reader // of serial numbers and token ids
}

// Authority issues certificates and tokens.
type Authority struct {
	o        Options
	refusals refusals
	limits   *limiter
	ledger   *ledger

	changing sync.Mutex // one change of what is kept at a time
	mu       sync.RWMutex
	kept     kept // what is on disk
	issuer   issuer
	bundle   identity.Bundle
	aliases  []string
	changed  chan struct{}
	own      identity.Credential // the control plane's
}

// Open reads an authority's folder, or makes it.
func Open(o Options) (*Authority, error) {
	o = defaults(o)
	if err := identity.CheckTrustDomains(o.TrustDomain, o.Aliases); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the authority's folder: %w", err)
	}
	a := &Authority{o: o, changed: make(chan struct{}), limits: newLimiter(o.Clock), aliases: slices.Clone(o.Aliases)}
	k, err := a.read()
	if err != nil {
		return nil, err
	}
	if a.ledger, err = openLedger(filepath.Join(o.Dir, "used"), o.Clock); err != nil {
		return nil, err
	}
	if err := a.keep(k); err != nil {
		return nil, errors.Join(err, a.ledger.close())
	}
	return a, nil
}

func defaults(o Options) Options {
	if o.MaxTTL == 0 {
		o.MaxTTL = DefaultTTL
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Close lets go of the folder.
func (a *Authority) Close() error { return a.ledger.close() }

// read gives what the folder keeps, or what it is to keep from now on.
func (a *Authority) read() (kept, error) {
	k, err := load(a.stateFile())
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return kept{}, err
	default:
		if _, err := os.Stat(a.publicFile()); err == nil && a.o.Files == "" {
			return kept{}, fmt.Errorf("%s is gone, and %s shows that there was a root: bring it back from a copy, or remove the folder to begin anew, with which every certificate of the mesh ends",
				a.stateFile(), a.publicFile())
		}
		if k.TokenKey, err = newKey(); err != nil {
			return kept{}, err
		}
	}
	k.TrustDomain = a.o.TrustDomain
	if a.o.Files == "" && len(k.Roots) == 0 {
		root, err := a.newRoot(k.TrustDomain)
		if err != nil {
			return kept{}, err
		}
		k.Roots = []keptRoot{root}
	}
	return k.signsFor(a.o.MaxTTL), nil
}

func (a *Authority) stateFile() string  { return filepath.Join(a.o.Dir, "authority.json") }
func (a *Authority) publicFile() string { return filepath.Join(a.o.Dir, "root-cert.pem") }

// keep puts a state in force: on disk first, so that nobody gets a certificate
// of an issuer that a crash would forget.
func (a *Authority) keep(k kept) error {
	is, bundle, err := a.inForce(k)
	if err != nil {
		return err
	}
	if err := k.save(a.stateFile()); err != nil {
		return err
	}
	if err := disk.Write(a.publicFile(), bundle.PEM()); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept, a.issuer = k, is
	a.setBundle(bundle)
	return nil
}

// setBundle is called with the lock.
func (a *Authority) setBundle(b identity.Bundle) {
	b.Aliases = a.aliases
	if b.Version() == a.bundle.Version() {
		return
	}
	a.bundle = b
	close(a.changed)
	a.changed = make(chan struct{})
}

// inForce is who signs, and whom the mesh trusts, in a state.
func (a *Authority) inForce(k kept) (issuer, identity.Bundle, error) {
	if a.o.Files != "" {
		return readFiles(a.o.Files, k.TrustDomain, a.o.Clock())
	}
	return k.inForce()
}

// SetTrustDomain takes over the mesh's trust domain and its aliases: issued
// from now on is for that one, and certificates of all of them are good.
func (a *Authority) SetTrustDomain(own string, aliases []string) error {
	if err := identity.CheckTrustDomains(own, aliases); err != nil {
		return err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	a.mu.Lock()
	k := a.kept
	a.aliases = slices.Clone(aliases)
	b := a.bundle
	a.setBundle(b)
	a.mu.Unlock()
	if k.TrustDomain == own {
		return nil
	}
	k.TrustDomain = own
	return a.keep(k)
}

// Bundle is whom the mesh trusts now.
func (a *Authority) Bundle() identity.Bundle {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.bundle
}

// Changed is closed when the bundle is another one: then ask for both again.
func (a *Authority) Changed() <-chan struct{} {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.changed
}
