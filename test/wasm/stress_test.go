package wasm_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/builtin/dist"
	"github.com/krater-mesh/krater/test/harness"
)

// requests is how many TestBuiltinFiltersUnderStress sends; `make
// stress-filters` sends 200,000.
func requests(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("KRATER_REQUESTS"))
	if err != nil {
		return 10_000
	}
	return n
}

// fused runs all built-in filters, each on what the one before did.
const fused = `{"filters":[
	{"root":"decisioncache","config":{"policySet":"s","keyId":"k","token":"0123456789abcdef","allowMillis":60000,"answer":{},
		"inputs":[{"header":":path"},{"property":["source","address"]}]}},
	{"root":"attributes","config":{"attributes":[
		{"name":"user","from":{"header":"end-user"},"toHeader":"x-user"},{"name":"id","from":{"json":"/id"},"toHeader":"x-id"}],"maxBody":1000}},
	{"root":"headers","config":{"request":{"set":{"x-listed":"yes"}},"response":{"set":{"x-answer":"fused"}}}},
	{"root":"accesslist","config":{"lists":[{"name":"l","action":"ALLOW","kind":"EXACT","key":{"header":"x-listed"},"entries":"yes"}]}},
	{"root":"denier","config":{"rules":[{"name":"seven","match":{"headers":{"x-id":"7"}},"status":418}]}}]}`

// TestBuiltinFiltersUnderStress has the guest's collector run at every turn:
// no request fails, each gets its own headers, memory stays as it was.
func TestBuiltinFiltersUnderStress(t *testing.T) {
	code, err := dist.Module()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "builtin.wasm")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	upstream := serve(t, http.HandlerFunc(echoUpstream))
	config := plugin("fused", file)
	config["vm_config"].(object)["environment_variables"] = object{"key_values": object{"GOGC": "1"}}
	config["allow_on_headers_stop_iteration"] = true
	config["configuration"] = object{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": fused}
	port, admin := harness.FreePort(t), harness.FreePort(t)
	bootstrap, err := json.Marshal(object{
		"node": object{"id": "stress", "cluster": "stress"}, "admin": object{"address": address("127.0.0.1", admin)},
		"static_resources": object{
			"listeners": []any{listener(port, manager("fused", config))},
			"clusters":  []any{cluster("upstream", upstream), cluster("elsewhere", upstream)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := harness.StartEnvoyAs(t, nil, bootstrap, fmt.Sprintf("http://127.0.0.1:%d", admin))
	total := requests(t)
	began := time.Now()
	storm(t, port, total/4)
	before := memory(t, e)
	storm(t, port, total-total/4)
	after := memory(t, e)
	t.Logf("%d requests in %s; Envoy has %d MB, had %d MB at a quarter", total, time.Since(began).Round(time.Second), after>>20, before>>20)
	if grown := after - before; grown > before/10 {
		t.Errorf("memory grew from %d to %d bytes", before, after)
	}
}

// storm sends requests, 16 at a time. Every fifth has a body, every fiftieth one
// that is denied.
func storm(t *testing.T, port, total int) {
	t.Helper()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	numbers := make(chan int)
	var group sync.WaitGroup
	for range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range numbers {
				if err := one(client, port, n); err != nil {
					t.Errorf("request %d: %v", n, err)
				}
			}
		}()
	}
	for n := range total {
		if t.Failed() {
			break
		}
		numbers <- n
	}
	close(numbers)
	group.Wait()
}

func one(client *http.Client, port, n int) error {
	user, body, want := fmt.Sprint("user", n), "", 200
	switch {
	case n%50 == 0:
		body, want = `{"id":"7"}`, 418
	case n%5 == 0:
		body = `{"id":"8"}`
	}
	req, err := http.NewRequest("POST", fmt.Sprintf("http://127.0.0.1:%d/", port), strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("end-user", user)
	req.Header.Set("content-type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != want || res.Header.Get("x-answer") != "fused" || want == 200 && res.Header.Get("x-got-x-user") != user {
		return fmt.Errorf("got %d %v, want %d", res.StatusCode, res.Header, want)
	}
	return nil
}

// memory is what Envoy has resident.
func memory(t *testing.T, e *harness.Envoy) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatal("/proc has no VmRSS")
	return 0
}
