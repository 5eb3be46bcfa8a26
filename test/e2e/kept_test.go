package e2e_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

var askedPolicyd = regexp.MustCompile(`(?m)^cluster\.krater-policyd\.upstream_rq_total: (\d+)$`)

// asked is how often a proxy has asked policyd. The proxy is named by the last
// number of its address.
func asked(t *testing.T, m *harness.Mesh, proxy int) int {
	t.Helper()
	page := mustAsk(t, "GET", fmt.Sprintf("http://%s.0.%d:15000/stats?usedonly&filter=policyd", m.Network, proxy), "").body
	found := askedPolicyd.FindStringSubmatch(page)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// untilKept waits until a proxy allows a GET by itself, after it has asked. The
// cache's module is compiled first, and each of Envoy's threads keeps its own
// answers: it takes several connections to meet all of them.
func untilKept(t *testing.T, m *harness.Mesh, proxy int, url string) {
	t.Helper()
	harness.Until(t, 60*time.Second, "an answer to be kept", func() error {
		was := asked(t, m, proxy)
		for range 12 {
			wantStatus(t, 10*time.Second, 200, "GET", url, "", "connection: close")
		}
		if now := asked(t, m, proxy); was == 0 || now != was {
			return fmt.Errorf("policyd was asked %d times, and then %d", was, now)
		}
		return nil
	})
}
