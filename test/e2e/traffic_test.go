package e2e_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// trafficOfSidecars asks alice's sidecar for the paths of traffic.yaml.
func trafficOfSidecars(t *testing.T, m *harness.Mesh) {
	proxy := "http://" + m.Network + alice + ":15001"
	get := func(t *testing.T, path string, headers ...string) answer {
		t.Helper()
		a, err := askThrough(proxy, "GET", "http://echo:8080"+path, headers)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	t.Run("timeout", func(t *testing.T) {
		if a := get(t, "/slow", "x-sleep: 10s"); a.status != 504 || a.took > 5*time.Second {
			t.Errorf("%d after %s, want 504 after 300 ms", a.status, a.took)
		}
	})
	t.Run("a retry goes to another endpoint", func(t *testing.T) {
		for range 12 {
			if a := get(t, "/flaky/retried"); a.status != 200 {
				t.Fatalf("%d by %s, want 200: one of three endpoints is good at every second attempt", a.status, a.header.Get("x-who"))
			}
		}
	})
	t.Run("hashing by a header", func(t *testing.T) {
		spread, users := map[string]bool{}, map[string]string{}
		for i := range 40 {
			user := fmt.Sprint("user-", i%10)
			who := get(t, "/sticky", "x-user: "+user).header.Get("x-who")
			if before := users[user]; before != "" && before != who {
				t.Fatalf("%s went to %s, then to %s", user, before, who)
			}
			users[user], spread[who] = who, true
		}
		if len(spread) < 2 {
			t.Errorf("ten users went to one endpoint: %v", users)
		}
	})
	t.Run("too many", func(t *testing.T) { overflow(t, get) })
	t.Run("ejection", func(t *testing.T) { ejection(t, get) })
}

// overflow sends eight requests at once to a cluster of one connection and one
// place to wait.
func overflow(t *testing.T, get func(t *testing.T, path string, headers ...string) answer) {
	var mu sync.Mutex
	var all sync.WaitGroup
	counts := map[int]int{}
	for range 8 {
		all.Go(func() {
			a := get(t, "/narrow", "x-sleep: 700ms")
			mu.Lock()
			defer mu.Unlock()
			counts[a.status]++
			if a.status == 503 && a.header.Get("x-envoy-overloaded") != "true" {
				t.Errorf("a 503 that is no overflow: %v %s", a.header, a.body)
			}
		})
	}
	all.Wait()
	if counts[200] == 0 || counts[503] == 0 || counts[200]+counts[503] != 8 {
		t.Errorf("eight requests at once came to %v, want some 200 and the rest 503", counts)
	}
}

// ejection meets the bad endpoint once for each worker at most, and then never.
func ejection(t *testing.T, get func(t *testing.T, path string, headers ...string) answer) {
	failed := 0
	harness.Until(t, 20*time.Second, "the bad endpoint's ejection", func() error {
		for i := range 12 {
			a := get(t, "/flaky/ejected")
			if a.status == 503 {
				failed++
				return fmt.Errorf("request %d went to %s", i, a.header.Get("x-who"))
			}
			if a.status != 200 {
				t.Fatalf("answered %d", a.status)
			}
		}
		return nil
	})
	if failed == 0 {
		t.Error("the bad endpoint was never met: nothing is shown")
	}
	left := map[string]int{}
	for range 12 {
		left[get(t, "/flaky/ejected").header.Get("x-who")]++
	}
	if left["default/echo-3"] != 0 || len(left) != 2 {
		t.Errorf("after the ejection: %v, want echo-1 and echo-2 alone", left)
	}
}
