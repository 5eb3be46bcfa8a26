package proxyreport

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/krater-mesh/krater/agent/admin"
	"github.com/krater-mesh/krater/model"
)

// page is what Envoy 1.40 answers.
const page = `{"stats":[{"name":"http.admin.downstream_rq_completed","value":9},{"name":"http.in.downstream_rq_completed","value":30},
{"name":"http.out.downstream_rq_completed","value":2},{"name":"http.in.downstream_rq_5xx","value":4},{"name":"http.in.text","value":"x"},
{"histograms":[{"name":"http.admin.downstream_rq_time","buckets":[{"upper_bound":0.5,"interval":9,"cumulative":9}]},
{"name":"http.in.downstream_rq_time","buckets":[{"upper_bound":0.5,"interval":1,"cumulative":20},{"upper_bound":3e+05,"interval":1,"cumulative":30}]},
{"name":"http.out.downstream_rq_time","buckets":[{"upper_bound":0.5,"interval":1,"cumulative":1},{"upper_bound":3e+05,"interval":1,"cumulative":2}]}]}]}`

func TestTakeSumsUpWhatEnvoyCounts(t *testing.T) {
	envoy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page) }))
	defer envoy.Close()
	now := time.Unix(100, 0)
	got, err := Take(t.Context(), admin.Page(envoy.URL), Process{PID: os.Getpid(), Started: time.Unix(1, 0), Restarts: 3}, now)
	if err != nil {
		t.Fatal(err)
	}
	if got.Requests != 32 || got.Errors != 4 || got.Restarts != 3 || got.At != now || got.Memory < 1<<20 {
		t.Errorf("took %+v", got)
	}
	if want := []model.LatencyBucket{{UpTo: 0.5, Count: 21}, {UpTo: 3e5, Count: 32}, {UpTo: -1, Count: 32}}; !slices.Equal(got.Latency, want) {
		t.Errorf("latency is %v", got.Latency)
	}
	text, err := json.Marshal(got)
	if err == nil {
		_, err = model.ReadProxyReport(text)
	}
	if err != nil {
		t.Errorf("the control plane would refuse it: %v", err)
	}
	envoy.Close()
	if _, err := Take(t.Context(), admin.Page(envoy.URL), Process{}, now); err == nil {
		t.Error("an envoy that does not answer was measured")
	}
}

func TestCPUOfAProcessWithAnyName(t *testing.T) {
	stat := []byte("7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 100 1 1")
	if got := cpu(stat); got != 3*time.Second {
		t.Errorf("took %s", got)
	}
	for _, bad := range []string{"", "7 (a", "7 (a) S 1"} {
		if got := cpu([]byte(bad)); got != 0 {
			t.Errorf("%q took %s", bad, got)
		}
	}
}
