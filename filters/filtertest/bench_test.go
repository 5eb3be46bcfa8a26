package filtertest_test

import (
	"testing"

	"github.com/krater-mesh/krater/filters/filtertest"
)

// BenchmarkHeaderFilter shows what one request costs within the VM: ours
// beside the same filter on the upstream SDK alone. The bytes that the guest
// allocates are its own, not wazero's.
func BenchmarkHeaderFilter(b *testing.B) {
	for _, name := range []string{"header", "bare-header"} {
		b.Run(name, func(b *testing.B) {
			m, p := load(b, name)
			allocations, bytes := perRequest(b, m, p, b.N)
			b.ReportMetric(allocations, "guest-allocs/op")
			b.ReportMetric(bytes, "guest-B/op")
		})
	}
}

// perRequest gives what the guest allocates for each of n requests.
func perRequest(tb testing.TB, m *filtertest.Module, p *filtertest.Plugin, n int) (allocations, bytes float64) {
	tb.Helper()
	request := filtertest.Request{Headers: [][2]string{{"end-user", "jason"}}}
	for range 100 { // to make what is made once
		send(tb, p, request)
	}
	a, size := meter(tb, m, "meter_allocations"), meter(tb, m, "meter_bytes")
	for range n {
		send(tb, p, request)
	}
	return float64(meter(tb, m, "meter_allocations")-a) / float64(n), float64(meter(tb, m, "meter_bytes")-size) / float64(n)
}

func meter(tb testing.TB, m *filtertest.Module, name string) int64 {
	tb.Helper()
	out, err := m.Guest().ExportedFunction(name).Call(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return int64(out[0])
}

// TestNothingIsAllocatedButTheValue: the one value that the proxy hands over,
// whose 5 bytes take 5 of a block of 16 that small values share.
func TestNothingIsAllocatedButTheValue(t *testing.T) {
	m, p := load(t, "header")
	allocations, bytes := perRequest(t, m, p, 500)
	t.Logf("%.3f allocations, %.1f bytes a request", allocations, bytes)
	if allocations > 1.05 || bytes > 17 {
		t.Errorf("a request allocates %.3f times, %.1f bytes; want 1, at most 16", allocations, bytes)
	}
}
