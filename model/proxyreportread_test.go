package model

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadProxyReportRefusesWhatNoAgentSays(t *testing.T) {
	good := `{"requests":2,"errors":1,"latency":[{"upToMs":1,"count":1},{"upToMs":-1,"count":2}],
		"filters":[{"object":"Filter a/b","state":"OUT","digest":"sha256:00","lines":["x\u001b[2J\ny"]}]}`
	r, err := ReadProxyReport([]byte(good))
	if err != nil || r.Requests != 2 || r.Filters[0].Lines[0] != `x\u001b[2J y` {
		t.Errorf("a good report: %+v, %v", r, err)
	}
	for _, bad := range []string{
		``, `[]`, `{"requests":-1}`, `{"requests":1,"errors":2}`, `{"memoryBytes":-1}`,
		`{"latency":[{"upToMs":1,"count":1}]}`, `{"latency":[{"upToMs":1,"count":3},{"upToMs":-1,"count":2}]}`,
		`{"latency":[{"upToMs":2,"count":1},{"upToMs":1,"count":1},{"upToMs":-1,"count":1}]}`,
		`{"filters":[{"object":"Filter a/b","state":"FINE"}]}`, `{"filters":[{"state":"OUT"}]}`,
		`{"filters":[{"object":"Filter a/b","state":"OUT","traps":-1}]}`,
		`{"filters":[` + strings.Repeat(`{},`, MaxFilterReports) + `{}]}`, strings.Repeat(" ", MaxProxyReport+1),
	} {
		if _, err := ReadProxyReport([]byte(bad)); err == nil {
			t.Errorf("%.60s is taken", bad)
		}
	}
}

func FuzzReadProxyReport(f *testing.F) {
	f.Add([]byte(`{"requests":2,"errors":1,"latency":[{"upToMs":1,"count":1},{"upToMs":-1,"count":2}],"filters":[{"object":"Filter a/b","state":"OUT","lines":["é"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ReadProxyReport(text)
		if err != nil {
			return
		}
		for _, filter := range r.Filters {
			for _, line := range append(filter.Lines, filter.Reason) {
				if len(line) > MaxFilterLine+len("…") || !utf8.ValidString(line) || strings.ContainsAny(line, "\n\x1b") {
					t.Errorf("a line is %q", line)
				}
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	})
}
