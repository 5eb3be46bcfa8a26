package opaexporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
)

func logs(bodies ...string) plog.Logs {
	out := plog.NewLogs()
	scope := out.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	for _, b := range bodies {
		scope.LogRecords().AppendEmpty().Body().SetStr(b)
	}
	return out
}

// TestUploadIsOPAs: a list, packed, at /logs, in parts of bounded size.
func TestUploadIsOPAs(t *testing.T) {
	var got []model.DecisionEvent
	posts, answer := 0, http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posts++
		z, err := gzip.NewReader(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/base/logs" || r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v: %v", r.Method, r.URL, r.Header, err)
			return
		}
		var list []model.DecisionEvent
		if err := json.NewDecoder(z).Decode(&list); err != nil {
			t.Error(err)
		}
		got = append(got, list...)
		w.WriteHeader(answer)
	}))
	defer server.Close()
	s := &sink{config: &Config{URL: server.URL + "/base"}, client: server.Client()}
	large := `{"decision_id":"large","input":"` + strings.Repeat("x", uploadSize) + `"}`
	if err := s.push(context.Background(), logs(`{"decision_id":"1"}`, large, `{"decision_id":"2"}`)); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].DecisionID != "1" || got[2].DecisionID != "2" || posts != 3 {
		t.Errorf("%d events in %d posts", len(got), posts)
	}
	for status, permanent := range map[int]bool{http.StatusServiceUnavailable: false, http.StatusTooManyRequests: false, http.StatusBadRequest: true} {
		answer = status
		if err := s.push(context.Background(), logs(`{"decision_id":"1"}`)); err == nil || consumererror.IsPermanent(err) != permanent {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestFileAndTerminalHaveOneEventALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.jsonl")
	var out bytes.Buffer
	for _, s := range []*sink{{config: &Config{Path: path}, client: &http.Client{}}, {config: &Config{}, out: &out, client: &http.Client{}}} {
		if err := s.start(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if err := s.push(context.Background(), logs(`{"decision_id":"1"}`, `{"decision_id":"2"}`)); err != nil {
			t.Fatal(err)
		}
		if err := s.shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{string(text), out.String()} {
		events, skipped := model.ReadEvents([]byte(got))
		if len(events) != 2 || skipped != 0 || strings.Count(got, "\n") != 2 {
			t.Errorf("%q", got)
		}
	}
}
