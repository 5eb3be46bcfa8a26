package e2e_test

import (
	"math"
	"sync"
	"testing"
	"time"
)

const reviews = "/api/v1/products/0/reviews"

func TestJasonGetsV2(t *testing.T) {
	m := shared.get(t)
	for range 20 {
		a := mustAsk(t, "GET", m.Gateway+reviews, "", "end-user: jason")
		if got := version(a.body); got != "v2" {
			t.Fatalf("jason got %s, want v2", got)
		}
	}
}

// TestTheSplitHolds sends 2,000 requests: a chi-squared test with one degree
// of freedom, refused at p < 0.001.
func TestTheSplitHolds(t *testing.T) {
	m := shared.get(t)
	const n, critical = 2000, 10.83
	counts := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range n / 8 {
				a, err := ask("GET", m.Gateway+reviews, "")
				mu.Lock()
				if err != nil || a.status != 200 {
					counts["failed"]++
				} else {
					counts[version(a.body)]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	v1, v3 := float64(counts["v1"]), float64(counts["v3"])
	if counts["v1"]+counts["v3"] != n {
		t.Fatalf("of %d requests: %v", n, counts)
	}
	chi := math.Pow(v1-0.8*n, 2)/(0.8*n) + math.Pow(v3-0.2*n, 2)/(0.2*n)
	t.Logf("v1 %.0f, v3 %.0f, chi-squared %.2f", v1, v3, chi)
	if chi > critical {
		t.Errorf("v1 %.0f, v3 %.0f of %d: chi-squared %.2f, above %.2f", v1, v3, n, chi, critical)
	}
}

func TestFaults(t *testing.T) {
	m := shared.get(t)
	slow := mustAsk(t, "GET", m.Gateway+"/api/v1/products/0/ratings", "", "end-user: snail")
	if slow.status != 200 || slow.took < 1900*time.Millisecond {
		t.Errorf("snail got %d after %s, want 200 after 2 s", slow.status, slow.took)
	}
	failed := mustAsk(t, "GET", m.Gateway+"/api/v1/products/0/ratings", "", "end-user: doomed")
	if failed.status != 500 {
		t.Errorf("doomed got %d, want 500", failed.status)
	}
}

func TestTheFiltersHeaderArrives(t *testing.T) {
	m := shared.get(t)
	if got := mustAsk(t, "GET", m.Gateway+"/productpage", "").header.Get("x-krater-mixed"); got != "wasm" {
		t.Errorf("x-krater-mixed is %q, want wasm", got)
	}
}

func TestThePage(t *testing.T) {
	m := shared.get(t)
	if a := mustAsk(t, "GET", m.Gateway+"/productpage", ""); a.status != 200 {
		t.Errorf("the page answers %d: %s", a.status, a.body)
	}
	if a := mustAsk(t, "GET", m.Gateway+"/nowhere", ""); a.status != 404 {
		t.Errorf("a path that no route has answers %d, want 404", a.status)
	}
}
