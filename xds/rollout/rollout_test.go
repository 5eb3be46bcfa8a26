package rollout_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/rollout"
)

// running is a fleet in which version a1 is in force everywhere.
func running(n int) *fleet {
	f := newFleet(n)
	f.declare("a1", guarded(steps(5*time.Second, 10, 50)))
	f.looks(10)
	return f
}

func TestGoodVersionIsPromotedStepByStep(t *testing.T) {
	f := running(10)
	if f.record().Phase != model.RolloutPromoted || f.having("a1") != 10 {
		t.Fatalf("what a control plane finds at first is in force: %+v", f.record())
	}
	f.declare("b1", guarded(steps(5*time.Second, 10, 50)))
	var shares []int
	for range 40 {
		f.look()
		if n := f.having("b1"); len(shares) == 0 || shares[len(shares)-1] != n {
			shares = append(shares, n)
		}
	}
	if len(shares) != 4 || shares[0] != 0 || shares[1] != 1 || shares[2] < 5 || shares[3] != 10 {
		t.Fatalf("the share went %v", shares)
	}
	if f.record().Phase != model.RolloutPromoted || len(f.book.States()) != 0 {
		t.Fatalf("%+v", f.record())
	}
}

func TestBadVersionsAreTakenBackWithTheReason(t *testing.T) {
	for _, c := range []struct {
		name   string
		does   behaviour
		reason string
	}{
		{"5xx", behaviour{errors: 0.5}, "errorRatio is 0.5 with the new version, and may be 0.02"},
		{"slow", behaviour{slow: 60}, "latencyP99 is"},
		{"cpu", behaviour{cpu: time.Millisecond}, "cpu is 1050 with the new version, and may be 75"},
		{"memory", behaviour{memory: 90 << 20}, "memory is"},
		{"traps", behaviour{traps: true}, "the filter trapped"},
		{"failing", behaviour{failing: true}, "the filter is FAILING in default/p"},
		{"too much memory", behaviour{over: true}, "the filter takes more memory in default/p"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := running(10)
			f.versions["b1"] = c.does
			f.declare("b1", guarded(steps(5*time.Second, 10, 50)))
			for range 30 {
				f.look()
				if n := f.having("b1"); n > 1 {
					t.Fatalf("%d proxies have the bad version", n)
				}
			}
			r := f.record()
			if r.Phase != model.RolloutRolledBack || !strings.Contains(r.Reason, c.reason) || f.having("a1") != 10 {
				t.Fatalf("%s: %q; %d have the old version", r.Phase, r.Reason, f.having("a1"))
			}
			problems := f.book.Problems()
			if len(problems) != 1 || problems[0].Code != model.CodeRolledBack || !strings.Contains(problems[0].Message, c.reason) {
				t.Fatalf("%v", problems)
			}
			if last := f.book.Events[len(f.book.Events)-1]; last.What != rollout.RolledBack || !strings.Contains(last.Reason, c.reason) {
				t.Fatalf("%v", last)
			}
			f.restart()
			f.looks(20)
			if f.having("a1") != 10 {
				t.Fatal("it came again after a restart")
			}
			f.declare("b1", guarded(steps(7*time.Second, 10, 50))) // the object changed: it may try again
			f.look()
			if f.record().Phase == model.RolloutRolledBack {
				t.Fatal("a changed object stays rolled back")
			}
		})
	}
}

// TestMemoryOfBeforeIsNotTheNewVersions: the code is the same, and its VM was
// found to be too large before the configuration changed, or soon after.
func TestMemoryOfBeforeIsNotTheNewVersions(t *testing.T) {
	for name, c := range map[string]struct {
		found time.Duration
		want  model.RolloutPhase
	}{
		"found before":     {0, model.RolloutPromoted},
		"found soon after": {3 * time.Second, model.RolloutPromoted},
		"found later":      {8 * time.Second, model.RolloutRolledBack},
	} {
		t.Run(name, func(t *testing.T) {
			f := running(3)
			f.versions["a2"] = behaviour{over: true, since: f.now.Add(c.found)}
			f.looks(1)
			f.declare("a2", guarded(steps(15*time.Second, 100)))
			f.looks(40)
			if got := f.record(); got.Phase != c.want {
				t.Errorf("it is %s: %s %s", got.Phase, got.Reason, got.Waiting)
			}
		})
	}
}

// TestRolesAreNotVersions: a proxy that was slow and failing before does not
// make its version bad, and one that was better by itself does not hide it.
func TestRolesAreNotVersions(t *testing.T) {
	role := behaviour{errors: 0.2, slow: 60, cpu: 100 * time.Microsecond, memory: 200 << 20}
	for _, bad := range []bool{false, true} {
		f := newFleet(10)
		byPoint := slices.SortedFunc(slices.Values(f.proxies), func(a, b *fake) int {
			return cmp.Compare(model.Point(a.w.ID(), object), model.Point(b.w.ID(), object))
		})
		for i, p := range byPoint {
			if inShare := i < 3; inShare != bad { // the share's role, or that of all others
				p.base = role
			}
		}
		r := guarded(steps(5*time.Second, 30))
		f.declare("a1", r)
		f.looks(20)
		if bad {
			f.versions["b1"] = behaviour{errors: 0.1}
		}
		f.declare("b1", r)
		f.looks(30)
		if got := f.record().Phase; bad != (got == model.RolloutRolledBack) || !bad && got != model.RolloutPromoted {
			t.Fatalf("bad: %v, and it is %s: %s %s", bad, got, f.record().Reason, f.record().Waiting)
		}
	}
}

// TestAllAtOnceIsComparedWithBefore: no proxy has the old version.
func TestAllAtOnceIsComparedWithBefore(t *testing.T) {
	for _, bad := range []bool{false, true} {
		f := running(3)
		if bad {
			f.versions["b1"] = behaviour{slow: 60}
		}
		f.declare("b1", guarded(steps(5*time.Second, 100)))
		f.looks(20)
		if got := f.record().Phase; bad != (got == model.RolloutRolledBack) || !bad && got != model.RolloutPromoted {
			t.Fatalf("bad: %v, and it is %s: %s %s", bad, got, f.record().Reason, f.record().Waiting)
		}
	}
}

func TestMissingReadingsAreNotGoodOnes(t *testing.T) {
	f := running(10)
	f.declare("b1", guarded(steps(5*time.Second, 10)))
	f.lossy = true
	f.looks(200)
	r := f.record()
	if r.Phase != model.RolloutStepping || !r.Overdue || !strings.Contains(r.Waiting, "no readings of default/p") {
		t.Fatalf("%s, waiting %q", r.Phase, r.Waiting)
	}
	if p := f.book.Problems(); len(p) != 1 || p[0].Code != model.CodeRolloutWaits {
		t.Fatalf("%v", p)
	}
	f.lossy = false
	for _, p := range f.proxies {
		p.rate = 0
	}
	f.looks(30)
	if r := f.record(); r.Phase != model.RolloutStepping || !strings.Contains(r.Waiting, "0 of 50 requests") {
		t.Fatalf("%s, waiting %q", r.Phase, r.Waiting)
	}
	for _, p := range f.proxies {
		p.rate = 100
	}
	f.looks(30)
	if r := f.record(); r.Phase != model.RolloutPromoted {
		t.Fatalf("%s, waiting %q", r.Phase, r.Waiting)
	}
}

func TestEditBeginsAnewFromWhatIsInForce(t *testing.T) {
	f := running(10)
	f.declare("b1", guarded(steps(5*time.Second, 50)))
	f.looks(5)
	if f.having("b1") < 5 {
		t.Fatalf("%d have it", f.having("b1"))
	}
	f.declare("c1", guarded(steps(5*time.Second, 10)))
	f.looks(5)
	if f.having("b1") != 0 || f.having("c1") != 1 || f.having("a1") != 9 {
		t.Fatalf("a1 %d, b1 %d, c1 %d", f.having("a1"), f.having("b1"), f.having("c1"))
	}
	f.declare("a1", guarded(steps(5*time.Second, 10)))
	f.look()
	if f.having("a1") != 10 || len(f.book.States()) != 0 {
		t.Fatalf("%d have what was declared again", f.having("a1"))
	}
}

// TestPlaceOfAFilterIsNoVersion: what stands where is in force at once, for
// both versions.
func TestPlaceOfAFilterIsNoVersion(t *testing.T) {
	f := running(10)
	f.declare("b1", guarded(steps(time.Hour, 10)))
	f.looks(5)
	f.declare("b1", guarded(steps(time.Hour, 10)))
	f.declared.Failure, f.declared.Priority = model.FilterFailOpen, 7
	f.looks(5)
	for _, p := range f.proxies {
		if v := f.versionOf(p); v.Failure != model.FilterFailOpen || v.Priority != 7 {
			t.Fatalf("%s has %+v", p.w.Name, v)
		}
	}
	if f.having("a1") != 9 {
		t.Fatalf("%d have the old version", f.having("a1"))
	}
}

func TestCodeIsLoadedFirst(t *testing.T) {
	f := running(4)
	f.declare("b1", nil) // no rollout: everywhere at once, but loaded first
	f.look()
	if f.having("b1") != 0 || len(f.record().Loading) != 4 {
		t.Fatalf("%d have it, %v load it", f.having("b1"), f.record().Loading)
	}
	fresh := &fake{w: model.Workload{Namespace: "default", Name: "fresh"}, connected: true, has: map[string]bool{}, looks: map[string]int{}}
	fresh.report.Latency = buckets()
	f.proxies = append(f.proxies, fresh)
	f.look()
	if f.versionOf(fresh).Config != "b1" {
		t.Fatal("a proxy that starts waits for nothing")
	}
	f.looks(3)
	if f.having("b1") != 5 || len(f.book.States()) != 0 {
		t.Fatalf("%d have it: %+v", f.having("b1"), f.record())
	}
	f.declare("b2", nil) // the same code
	f.look()
	if f.having("b2") != 5 {
		t.Fatalf("%d have another configuration of the code that they have", f.having("b2"))
	}
}

func TestCodeThatIsRefusedNeverComes(t *testing.T) {
	f := running(4)
	f.refuses["sha256:b"] = true
	f.declare("b1", nil)
	f.looks(70)
	if f.having("a1") != 4 || !strings.Contains(f.record().Waiting, "no such function") {
		t.Fatalf("%d have the old one: %+v", f.having("a1"), f.record())
	}
	f.declare("b1", guarded(steps(time.Second, 10)))
	f.looks(3)
	if f.having("a1") != 4 || f.record().Phase != model.RolloutRolledBack || !strings.Contains(f.record().Reason, "no such function") {
		t.Fatalf("%d have the old one: %+v", f.having("a1"), f.record())
	}
}

func TestSlowLoaderIsWaitedForOrNot(t *testing.T) {
	for _, failure := range []model.FilterFailure{model.FilterFailClosed, model.FilterFailOpen} {
		f := running(2)
		f.proxies[0].loadsFor = 1000
		f.declare("b1", nil)
		f.declared.Failure = failure
		f.looks(70)
		want := 1
		if failure == model.FilterFailOpen {
			want = 2
		}
		if f.having("b1") != want {
			t.Fatalf("%s: %d have it", failure, f.having("b1"))
		}
		if waits := len(f.book.Problems()) == 1; waits != (want == 1) {
			t.Fatalf("%s: %v", failure, f.book.Problems())
		}
	}
}

func TestByHand(t *testing.T) {
	f := running(10)
	f.declare("b1", guarded(steps(time.Hour, 10)))
	f.looks(5)
	if err := f.book.Abort(object.String(), f.input()); err != nil || f.having("a1") != 10 {
		t.Fatalf("%v: %d", err, f.having("a1"))
	}
	if err := f.book.Promote(object.String(), f.input()); err != nil {
		t.Fatal(err)
	}
	f.looks(5)
	if f.having("b1") != 10 {
		t.Fatalf("%d", f.having("b1"))
	}
	if f.book.Promote(object.String(), f.input()) == nil || f.book.Abort(object.String(), f.input()) == nil || f.book.Abort("Filter/x/y", f.input()) == nil {
		t.Fatal("what cannot be is not refused")
	}
}

// TestFirstVersionOfAFilter: before, there was none.
func TestFirstVersionOfAFilter(t *testing.T) {
	f := newFleet(10)
	f.look()
	f.versions["a1"] = behaviour{errors: 0.5}
	f.declare("a1", guarded(steps(5*time.Second, 10)))
	f.looks(3)
	if f.having("a1") != 1 {
		t.Fatalf("%d have it", f.having("a1"))
	}
	f.looks(10)
	if f.record().Phase != model.RolloutRolledBack || f.having("a1") != 0 {
		t.Fatalf("%d have it: %+v", f.having("a1"), f.record())
	}
}

// TestShareIsTheSameWhoeverConnectsFirst: after a restart of the control plane
// proxies come back one after the other; only one that stays away is replaced.
func TestShareIsTheSameWhoeverConnectsFirst(t *testing.T) {
	f := running(10)
	for _, p := range f.proxies {
		p.connected = false
	}
	f.restart()
	f.declare("b1", guarded(steps(5*time.Second, 10)))
	f.look()
	var chosen *fake
	for _, p := range f.proxies {
		if f.record().Wants(&p.w) {
			chosen = p
		}
	}
	for _, p := range f.proxies {
		f.looks(2)
		p.connected = p != chosen
	}
	f.looks(10)
	if n := f.having("b1"); n != 1 || f.record().Phase != model.RolloutStepping {
		t.Fatalf("%d proxies have it: %+v", n, f.record())
	}
	f.looks(70) // it does not come back
	if n := f.having("b1"); n < 2 || !f.record().Wants(&chosen.w) {
		t.Fatalf("%d proxies have it: %+v", n, f.record())
	}
	f.looks(60)
	if f.record().Phase != model.RolloutPromoted {
		t.Fatalf("%+v", f.record())
	}
}

// TestWhatABadVersionDidIsNotBefore: an edit in the midst of a rollout is
// compared with what was before that, not with what it replaces.
func TestWhatABadVersionDidIsNotBefore(t *testing.T) {
	f := running(4)
	f.versions["b1"], f.versions["c1"] = behaviour{slow: 60}, behaviour{slow: 60}
	f.declare("b1", steps(time.Hour, 100)) // nobody watches it
	f.looks(90)
	f.declare("c1", guarded(steps(5*time.Second, 100)))
	f.looks(20)
	if r := f.record(); r.Phase != model.RolloutRolledBack {
		t.Fatalf("%+v", r)
	}
}

// TestMoreProxiesTakeNobodyOutOfTheShare: those that come between two steps
// may stand before those that have the new version.
func TestMoreProxiesTakeNobodyOutOfTheShare(t *testing.T) {
	for seed := range 20 {
		f := newFleet(10)
		for _, p := range f.proxies {
			p.w.Name = fmt.Sprintf("%d-%s", seed, p.w.Name)
		}
		f.declare("a1", nil)
		f.looks(5)
		f.declare("b1", steps(5*time.Second, 10, 11))
		f.looks(4)
		for _, p := range newFleet(90).proxies {
			p.w.Name = fmt.Sprintf("%d-more-%s", seed, p.w.Name)
			f.proxies = append(f.proxies, p)
		}
		had := map[string]bool{}
		for _, p := range f.proxies {
			had[p.w.ID()] = f.record().Wants(&p.w)
		}
		for f.record().Step == 0 {
			f.look()
		}
		for _, p := range f.proxies {
			if had[p.w.ID()] && !f.record().Wants(&p.w) {
				t.Fatalf("%s is not in the share any more", p.w.ID())
			}
		}
	}
}
