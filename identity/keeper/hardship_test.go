package keeper

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/model"
)

// TestARestartNeedsNobody: what is on the disk serves, without the control
// plane and without a token, until it ends.
func TestARestartNeedsNobody(t *testing.T) {
	s := serve(t, authority.Options{})
	o := s.options()
	k, stop := run(t, o)
	before := first(t, k)
	stop()
	s.stop()
	s.stop = func() {}
	o.TokenFile = ""
	again, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := again.Current()
	if !ok || !c.Leaf().Equal(before.Leaf()) || c.Check(time.Now()) != nil {
		t.Fatal("the certificate on the disk does not serve")
	}
	ended := o
	ended.Clock = func() time.Time { return before.Leaf().NotAfter }
	if k, err := Open(ended); err != nil {
		t.Error(err)
	} else if _, ok := k.Current(); ok {
		t.Error("a certificate that ended serves")
	}
}

// TestTheControlPlaneComesLate: it is asked until it answers, and meanwhile
// everybody can see why there is no certificate.
func TestTheControlPlaneComesLate(t *testing.T) {
	s := serve(t, authority.Options{})
	o := s.options()
	s.stop()
	s.stop = func() {}
	k, _ := run(t, o)
	for end := time.Now().Add(10 * time.Second); k.LastError() == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no error is told")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := k.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "asking unix:") {
		t.Errorf("%v", err)
	}
	s.start()
	first(t, k)
	if err := k.LastError(); err != nil {
		t.Errorf("it is there, and still: %v", err)
	}
}

// TestALostAnswer: the token that is good once is good again for the same key,
// also after a restart of the agent.
func TestALostAnswer(t *testing.T) {
	s := serve(t, authority.Options{})
	o := s.options()
	k, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.nextKey()
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(k.file)
	if err != nil {
		t.Fatal(err)
	}
	token, err := k.token()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.ask(t.Context(), key, token); err != nil {
		t.Fatal(err)
	}
	// As if the answer had not come: the disk as it was before it.
	if err := os.WriteFile(k.file, before, 0o600); err != nil {
		t.Fatal(err)
	}
	again, _ := run(t, o)
	first(t, again)
	thief := o
	thief.Dir = t.TempDir()
	other, err := Open(thief)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.obtain(t.Context()); err == nil || !strings.Contains(err.Error(), "may be used once, and was") {
		t.Errorf("another machine: %v", err)
	}
}

func TestTheDisk(t *testing.T) {
	s := serve(t, authority.Options{})
	o := s.options()
	k, stop := run(t, o)
	first(t, k)
	stop()
	file := filepath.Join(o.Dir, "credential.json")
	for path, want := range map[string]os.FileMode{o.Dir: 0o700, file: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %04o (%v)", path, info.Mode(), want, err)
		}
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); !errors.Is(err, identity.ErrNotPrivate) {
		t.Errorf("a key that others can read is used: %v", err)
	}
	for name, text := range map[string][]byte{"cut": good[:len(good)/2], "edited": bytes.Replace(good, []byte("BEGIN"), []byte("begin"), 1), "empty": nil} {
		var log bytes.Buffer
		o := s.options()
		o.Dir, o.Logger = t.TempDir(), slog.New(slog.NewTextHandler(&log, nil))
		file := filepath.Join(o.Dir, "credential.json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		k, stop := run(t, o)
		first(t, k)
		stop()
		if aside, err := os.ReadFile(file + ".bad"); err != nil || !bytes.Equal(aside, text) {
			t.Errorf("%s: the old file is lost (%v)", name, err)
		}
		if !strings.Contains(log.String(), "credential.json.bad") || strings.Contains(log.String(), "PRIVATE") {
			t.Errorf("%s: the log: %s", name, &log)
		}
	}
}

// TestCertificatesThatAreNotWanted: neither from the disk nor from the server.
func TestCertificatesThatAreNotWanted(t *testing.T) {
	s := serve(t, authority.Options{})
	o := s.options()
	k, stop := run(t, o)
	first(t, k)
	stop()
	for name, want := range map[string]identity.Claims{
		"another workload":     {Workload: "bank"},
		"another namespace":    {Identity: model.Identity{Namespace: "bank"}},
		"another account":      {Identity: model.Identity{ServiceAccount: "bank"}},
		"another trust domain": {Identity: model.Identity{TrustDomain: "bank"}},
	} {
		o := o
		o.Want = want
		k, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := k.Current(); ok {
			t.Errorf("%s: the disk's is taken", name)
		}
		o.Dir, o.TokenFile = t.TempDir(), s.token(authority.Grant{Workload: "shop/cart", ServiceAccount: "cart"})
		if k, err = Open(o); err != nil {
			t.Fatal(err)
		}
		if err := k.obtain(t.Context()); err == nil || !strings.Contains(err.Error(), "is not") {
			t.Errorf("%s: the server's is taken (%v)", name, err)
		}
	}
}

// TestAServerOfSomebodyElse gets no token: TLS ends before it is sent.
func TestAServerOfSomebodyElse(t *testing.T) {
	s, other := serve(t, authority.Options{}), serve(t, authority.Options{})
	o := s.options()
	o.Roots = other.Bundle().PEM()
	k, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.obtain(t.Context()); err == nil || !strings.Contains(err.Error(), "not to be trusted") {
		t.Errorf("%v", err)
	}
	if len(s.Refusals()) != 0 {
		t.Errorf("it was asked: %+v", s.Refusals())
	}
	o.Dir, o.Roots = t.TempDir(), nil
	if _, err := Open(o); err == nil {
		t.Error("nobody can be believed, and it begins")
	}
}

// TestRotation: each step reaches a running agent by itself; one that was away
// for a step, too.
func TestRotation(t *testing.T) {
	s := serve(t, authority.Options{})
	o := s.options()
	o.Want.TrustDomain = trustDomain // what it was when the agent was set up
	k, _ := run(t, o)
	away := s.options()
	sleeper, stop := run(t, away)
	first(t, sleeper)
	c := await(t, k, "the stream of roots", func(c identity.Credential) bool { return c.Bundle.Issuer != "" })
	stop()
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	await(t, k, "two roots", func(c identity.Credential) bool { return len(c.Bundle.Roots) == 2 })
	if now, _ := k.Current(); !now.Leaf().Equal(c.Leaf()) {
		t.Error("it renewed, and nobody else signs yet")
	}
	if err := s.Promote(); err != nil {
		t.Fatal(err)
	}
	await(t, k, "a certificate of the new root", func(c identity.Credential) bool {
		return len(c.Chain) == 2 && !k.now().replaced() && c.Check(time.Now()) == nil
	})
	sleeper, _ = run(t, away)
	await(t, sleeper, "a certificate of the new root, after a sleep", func(c identity.Credential) bool {
		return len(c.Chain) == 2 && c.Check(time.Now()) == nil
	})
	if err := s.Retire(true); err != nil {
		t.Fatal(err)
	}
	for _, k := range []*Keeper{k, sleeper} {
		await(t, k, "one root", func(c identity.Credential) bool { return len(c.Bundle.Roots) == 1 && c.Check(time.Now()) == nil })
	}
	if err := s.SetTrustDomain("mesh.example", []string{trustDomain}); err != nil {
		t.Fatal(err)
	}
	await(t, k, "another trust domain", func(c identity.Credential) bool { return len(c.Bundle.TrustDomains()) == 2 })
	if err := k.obtain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, _ := k.Current(); c.TrustDomain != "mesh.example" {
		t.Errorf("renewed as %s", c.Identity)
	}
}

// TestRenewalBringsTheRoots also without the stream of them.
func TestRenewalBringsTheRoots(t *testing.T) {
	s := serve(t, authority.Options{})
	k, err := Open(s.options())
	if err != nil {
		t.Fatal(err)
	}
	for roots, step := range []func() error{func() error { return nil }, s.Prepare, s.Promote} {
		if err := errors.Join(step(), k.obtain(t.Context())); err != nil {
			t.Fatal(err)
		}
		if c, _ := k.Current(); len(c.Bundle.Roots) != min(roots+1, 2) {
			t.Errorf("%d roots after step %d", len(c.Bundle.Roots), roots)
		}
	}
}

// TestAMeshMadeAnew: the roots that the user gives count beside those on the
// disk, where no certificate is good.
func TestAMeshMadeAnew(t *testing.T) {
	old, s := serve(t, authority.Options{}), serve(t, authority.Options{})
	o := s.options()
	gone := o
	gone.Roots = old.Bundle().PEM()
	k, err := Open(gone)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.obtain(t.Context()); err == nil {
		t.Fatal("a mesh of other roots is believed")
	}
	k, _ = run(t, o)
	if c := first(t, k); len(c.Bundle.Roots) != 1 || !c.Bundle.Roots[0].Equal(s.Bundle().Roots[0]) {
		t.Errorf("%d roots: the mesh's own are meant", len(c.Bundle.Roots))
	}
}

// FuzzDisk: what is taken from the disk is whole.
func FuzzDisk(f *testing.F) {
	f.Add("", "", "", []byte(`{"trustDomain":"cluster.local","roots":""}`))
	k := &Keeper{o: defaults(Options{TrustDomain: trustDomain})}
	f.Fuzz(func(t *testing.T, key, chain, pending string, bundle []byte) {
		d := onDisk{Key: key, Chain: chain, Pending: pending}
		var b identity.Bundle
		if b.UnmarshalJSON(bundle) == nil {
			d.Bundle = &b
		}
		h, err := k.decode(d)
		if err == nil && len(h.chain) > 0 && (h.key == nil || len(h.bundle.Roots) == 0) {
			t.Error("half a credential was taken")
		}
	})
}

// FuzzAnswer: what a server says is taken whole, or not at all.
func FuzzAnswer(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----", "")
	k, err := Open(Options{Dir: f.TempDir(), Server: "unix:/nowhere", TrustDomain: trustDomain, Roots: []byte(root(f))})
	if err != nil {
		f.Fatal(err)
	}
	key, err := k.nextKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, leaf, last string) {
		if k.take(key, []string{leaf, last}) == nil {
			t.Error("nobody signed for this key, and it has a certificate")
		}
	})
}

func root(f *testing.F) string {
	a, err := authority.Open(authority.Options{Dir: f.TempDir(), TrustDomain: trustDomain})
	if err != nil {
		f.Fatal(err)
	}
	defer a.Close()
	return string(a.Bundle().PEM())
}

func TestTimes(t *testing.T) {
	now := time.Now()
	if got := backoff(1, 0); got != 100*time.Millisecond {
		t.Errorf("first %s", got)
	}
	for attempt := range 2000 {
		if got := backoff(attempt, 0.999); got < 50*time.Millisecond || got > 10*time.Second {
			t.Fatalf("attempt %d: %s", attempt, got)
		}
	}
	a, err := authority.Open(authority.Options{Dir: t.TempDir(), TrustDomain: trustDomain, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c, err := a.Issue(identity.System(trustDomain, "x"), 20*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for jitter, want := range map[float64]time.Duration{0: 8 * time.Hour, 0.5: 9 * time.Hour, 1: 10 * time.Hour} {
		if got := renewAt(held{chain: c.Chain, since: now}, jitter).Sub(now); got < want-time.Minute || got > want+time.Minute {
			t.Errorf("jitter %v: renewed after %s of 20 h, want %s", jitter, got, want)
		}
	}
	if got := renewAt(held{chain: c.Chain, since: now.Add(1000 * time.Hour)}, 0.5); got.After(c.Leaf().NotAfter) {
		t.Error("a clock that was wrong puts the renewal off for ever")
	}
	if !renewAt(held{}, 0.5).IsZero() {
		t.Error("without a certificate it is due now")
	}
}

// TestHalfIsLeftWhenAllGoesAway: whenever the authority goes away, the
// certificate that is there, or was about to be renewed, is good for half of
// its time still: 12 h of the 24 h that certificates have.
func TestHalfIsLeftWhenAllGoesAway(t *testing.T) {
	now := time.Now()
	a, err := authority.Open(authority.Options{Dir: t.TempDir(), TrustDomain: trustDomain, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c, err := a.Issue(identity.System(trustDomain, "x"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 101 {
		due := renewAt(held{chain: c.Chain, since: now}, float64(i)/100)
		if left := c.Leaf().NotAfter.Sub(due); left < 12*time.Hour-time.Second { // certificates count whole seconds
			t.Fatalf("jitter %d/100: an authority that goes away just before the renewal leaves %s", i, left)
		}
	}
}
