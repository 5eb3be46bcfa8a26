package turn

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick makes a lane known for quick evaluations.
func quick(t *testing.T, a *Lane) *Lane {
	t.Helper()
	for range 64 {
		turn, err := a.Enter(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		turn.End()
	}
	return a
}

// TestSlowLaneLeavesRoom: however many of a slow lane wait, a quick one has its
// turn at once.
func TestSlowLaneLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Slots: 4, Slow: 1})
		fast, slow := quick(t, l.Lane(0, false)), l.Lane(0, false)
		var running, most atomic.Int32
		for range 20 {
			go func() {
				turn, err := slow.Enter(context.Background(), 0)
				if err != nil {
					return
				}
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(50 * time.Millisecond)
				running.Add(-1)
				turn.End()
			}()
		}
		synctest.Wait()
		for range 100 {
			began := time.Now()
			turn, err := fast.Enter(context.Background(), 0)
			if err != nil || time.Since(began) > 0 {
				t.Fatalf("a quick one waited %s: %v", time.Since(began), err)
			}
			time.Sleep(time.Millisecond)
			turn.End()
		}
		time.Sleep(2 * time.Second)
		if most.Load() != 1 {
			t.Errorf("%d slow ones at once", most.Load())
		}
	})
}

// TestLanesTakeTurns: one who comes second does not wait for all that wait
// before him in another lane.
func TestLanesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Slots: 1, Slow: 1, Wait: time.Minute})
		var mu sync.Mutex
		var order []string
		enter := func(name string, a *Lane) {
			turn, err := a.Enter(context.Background(), 0)
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			turn.End()
		}
		a, b := l.Lane(1, false), l.Lane(1, false)
		for range 10 {
			go enter("a", a)
			synctest.Wait()
		}
		go enter("b", b)
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(order) != 11 || order[1] != "b" && order[2] != "b" {
			t.Errorf("%v", order)
		}
	})
}

// TestTurnedAway: by number, by bytes and by age.
func TestTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Slots: 1, Slow: 1, Waiting: 4, Bytes: 100, Wait: 100 * time.Millisecond})
		a, b := l.Lane(1, false), l.Lane(1, false)
		held, err := a.Enter(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		var late atomic.Int32
		wait := func(a *Lane, bytes int64) {
			if _, err := a.Enter(context.Background(), bytes); errors.Is(err, ErrLate) {
				late.Add(1)
			}
		}
		go wait(a, 60)
		synctest.Wait()
		if _, err := a.Enter(context.Background(), 50); !errors.Is(err, ErrFull) {
			t.Errorf("too many bytes: %v", err)
		}
		go wait(a, 0)
		synctest.Wait()
		if _, err := a.Enter(context.Background(), 0); !errors.Is(err, ErrFull) {
			t.Errorf("half of the places are others': %v", err)
		}
		go wait(b, 0)
		go wait(b, 0)
		synctest.Wait()
		if !l.Full() {
			t.Error("it is not full")
		}
		time.Sleep(101 * time.Millisecond)
		synctest.Wait()
		if late.Load() != 4 || l.Full() || l.bytes != 0 {
			t.Errorf("%d are late, full %v, %d bytes", late.Load(), l.Full(), l.bytes)
		}
		held.End()
		turn, err := b.Enter(context.Background(), 0)
		if err != nil {
			t.Fatalf("it does not recover: %v", err)
		}
		turn.End()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		held, _ = a.Enter(context.Background(), 0)
		if _, err := a.Enter(ctx, 0); !errors.Is(err, ErrLate) {
			t.Errorf("a caller that is gone: %v", err)
		}
		held.End()
	})
}

// TestBounds: whatever comes, no bound is passed, and nothing is left behind.
func TestBounds(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			l := New(Options{Slots: 3, Slow: 1, Waiting: 20, Wait: 50 * time.Millisecond})
			lanes := []*Lane{l.Lane(1, false), l.Lane(0, false), l.Lane(2, false), l.Lane(0, true)}
			var running atomic.Int32
			var group sync.WaitGroup
			for range 500 {
				a, took := lanes[r.IntN(4)], time.Duration(r.IntN(20))*time.Millisecond
				time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
				group.Go(func() {
					turn, err := a.Enter(context.Background(), 10)
					if err != nil {
						return
					}
					if !a.outside && running.Add(1) > 3 {
						t.Error("more than the slots")
					}
					time.Sleep(took)
					if !a.outside {
						running.Add(-1)
					}
					turn.End()
				})
			}
			group.Wait()
			if l.running != 0 || l.slow != 0 || l.waiting != 0 || l.bytes != 0 || l.Full() {
				t.Errorf("seed %d: %+v", seed, l)
			}
		})
	}
}

func BenchmarkEnter(b *testing.B) {
	l := New(Options{})
	a := l.Lane(0, false)
	b.ReportAllocs()
	for b.Loop() {
		turn, err := a.Enter(context.Background(), 0)
		if err != nil {
			b.Fatal(err)
		}
		turn.End()
	}
}
