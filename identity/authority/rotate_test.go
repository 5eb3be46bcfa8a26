package authority

import (
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/identity"
)

// TestRotation goes through the steps, and restarts after each: at any time,
// whoever has any bundle of the overlap takes every certificate that is good.
func TestRotation(t *testing.T) {
	now := newClock()
	o := Options{Dir: t.TempDir(), Clock: now.Now}
	a := open(t, o)
	cart := workload("shop", "cart", "cart")
	first := a.Bundle()
	issue := func() []identity.Credential {
		c, err := a.Issue(cart, 0)
		if err != nil {
			t.Fatal(err)
		}
		return []identity.Credential{c}
	}
	good := func(b identity.Bundle, cs []identity.Credential, want bool, what string) {
		t.Helper()
		for _, c := range cs {
			if _, err := b.Verify(c.Chain, now.Now()); (err == nil) != want {
				t.Errorf("%s: %v, want it good: %v", what, err, want)
			}
		}
	}
	step := func(do func() error, stage Stage, roots int) {
		t.Helper()
		changed := a.Changed()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
		default:
			t.Errorf("%s: nobody was told", stage)
		}
		version := a.Bundle().Version()
		again := a.Changed()
		if err := do(); err != nil {
			t.Errorf("%s again: %v", stage, err)
		}
		select {
		case <-again:
			t.Errorf("%s again: the bundle changed", stage)
		default:
		}
		a.Close()
		a = open(t, o)
		if s := a.Status(); s.Stage != stage || len(s.Roots) != roots || a.Bundle().Version() != version {
			t.Errorf("after a restart: %s with %d roots, want %s with %d; the bundle is the same: %v", s.Stage, len(s.Roots), stage, roots, a.Bundle().Version() == version)
		}
	}
	old := issue()
	step(func() error { return a.Prepare() }, Prepared, 2)
	prepared := a.Bundle()
	if prepared.Issuer != first.Issuer {
		t.Error("the next root signs already")
	}
	good(first, issue(), true, "prepared: signed by the first root")

	now.set(now.Now().Add(time.Hour))
	step(func() error { return a.Promote() }, Promoted, 2)
	if a.Bundle().Issuer == first.Issuer {
		t.Error("the old root signs still")
	}
	fresh := issue()
	good(first, fresh, true, "promoted: to who has not heard of it")
	good(prepared, fresh, true, "promoted: to who was told")
	good(a.Bundle(), old, true, "promoted: the certificates before")
	if err := a.Retire(false); err == nil || !strings.Contains(err.Error(), "may be good until 2026-03-02T13:00:00Z") {
		t.Errorf("retired too early: %v", err)
	}
	now.set(now.Now().Add(DefaultTTL))
	step(func() error { return a.Retire(false) }, Steady, 1)
	latest := issue()
	good(a.Bundle(), latest, true, "retired")
	good(first, latest, false, "retired: to who missed it all")
	good(a.Bundle(), old, false, "retired: the first root's")
	if len(latest[0].Chain) != 1 {
		t.Error("the old root's signature is still shown")
	}
}

// TestALongerTimeIsRemembered: a root is retired when what it signed has ended,
// also what it signed before certificates were made shorter.
func TestALongerTimeIsRemembered(t *testing.T) {
	now := newClock()
	o := Options{Dir: t.TempDir(), Clock: now.Now, MaxTTL: 72 * time.Hour}
	open(t, o).Close()
	o.MaxTTL = time.Hour
	a := open(t, o)
	for _, do := range []func() error{a.Prepare, a.Promote} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.Status().Retirable.Sub(now.Now()); got != 72*time.Hour {
		t.Errorf("the old root is retired after %s, want 72h", got)
	}
	if err := a.Retire(true); err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{a.Prepare, a.Promote} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.Status().Retirable.Sub(now.Now()); got != time.Hour {
		t.Errorf("the second root is retired after %s, want 1h", got)
	}
}

func TestRotationKeepsItsOrder(t *testing.T) {
	a := open(t, Options{})
	wants := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	wants(a.Promote(), "prepare one first")
	if err := a.Retire(false); err != nil {
		t.Errorf("there is nothing to retire: %v", err)
	}
	if err := a.Prepare(); err != nil {
		t.Fatal(err)
	}
	wants(a.Retire(true), "promote it first")
	if err := a.Promote(); err != nil {
		t.Fatal(err)
	}
	wants(a.Prepare(), "retire it first")
	if err := a.Retire(true); err != nil {
		t.Error(err)
	}
}

// TestTheControlPlaneFollows: its own certificate is of the root that signs.
func TestTheControlPlaneFollows(t *testing.T) {
	now := newClock()
	a := open(t, Options{Clock: now.Now})
	own := func() identity.Credential {
		c, ok := a.current()
		if !ok {
			t.Fatal("there is none")
		}
		return c
	}
	first := own()
	if !own().Leaf().Equal(first.Leaf()) {
		t.Error("each connection gets another one")
	}
	now.set(now.Now().Add(DefaultTTL/2 + time.Minute))
	second := own()
	if second.Leaf().Equal(first.Leaf()) {
		t.Error("it is not renewed at half of its time")
	}
	for _, do := range []func() error{a.Prepare, a.Promote} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if c := own(); len(c.Chain) != 2 || c.Check(now.Now()) != nil {
		t.Errorf("%d certificates after a rotation (%v)", len(c.Chain), c.Check(now.Now()))
	}
}
