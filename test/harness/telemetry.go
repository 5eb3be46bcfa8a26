package harness

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

// Record is one log record of an OTLP JSON file, its attributes flattened.
type Record struct {
	TraceID, SpanID string
	Scope           string // "requests", or whose rule's log it is
	Attributes      map[string]string
}

// Span is one span of an OTLP JSON file.
type Span struct {
	TraceID, SpanID, ParentID, Name, Service string
	Kind                                     int
	Attributes                               map[string]string
}

type otlpLine struct {
	ResourceLogs []struct {
		ScopeLogs []struct {
			Scope struct {
				Name string `json:"name"`
			} `json:"scope"`
			LogRecords []struct {
				TraceID    string      `json:"traceId"`
				SpanID     string      `json:"spanId"`
				Attributes []attribute `json:"attributes"`
			} `json:"logRecords"`
		} `json:"scopeLogs"`
	} `json:"resourceLogs"`
	ResourceSpans []struct {
		Resource struct {
			Attributes []attribute `json:"attributes"`
		} `json:"resource"`
		ScopeSpans []struct {
			Spans []struct {
				TraceID    string      `json:"traceId"`
				SpanID     string      `json:"spanId"`
				ParentID   string      `json:"parentSpanId"`
				Name       string      `json:"name"`
				Kind       int         `json:"kind"`
				Attributes []attribute `json:"attributes"`
			} `json:"spans"`
		} `json:"scopeSpans"`
	} `json:"resourceSpans"`
}

type attribute struct {
	Key   string `json:"key"`
	Value struct {
		String *string  `json:"stringValue"`
		Int    any      `json:"intValue"`
		Bool   *bool    `json:"boolValue"`
		Double *float64 `json:"doubleValue"`
	} `json:"value"`
}

func (a attribute) text() string {
	switch v := a.Value; {
	case v.String != nil:
		return *v.String
	case v.Bool != nil:
		return strconv.FormatBool(*v.Bool)
	case v.Double != nil:
		return strconv.FormatFloat(*v.Double, 'g', -1, 64)
	case v.Int != nil:
		b, _ := json.Marshal(v.Int)
		return string(bytes.Trim(b, `"`))
	}
	return ""
}

func flatten(list []attribute) map[string]string {
	out := map[string]string{}
	for _, a := range list {
		out[a.Key] = a.text()
	}
	return out
}

// ReadTelemetry reads a file of OTLP JSON lines; the last line may be half
// written.
func ReadTelemetry(t testing.TB, file string) (records []Record, spans []Span) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line otlpLine
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		for _, r := range line.ResourceLogs {
			for _, s := range r.ScopeLogs {
				for _, l := range s.LogRecords {
					records = append(records, Record{l.TraceID, l.SpanID, s.Scope.Name, flatten(l.Attributes)})
				}
			}
		}
		for _, r := range line.ResourceSpans {
			service := flatten(r.Resource.Attributes)["service.name"]
			for _, s := range r.ScopeSpans {
				for _, p := range s.Spans {
					spans = append(spans, Span{p.TraceID, p.SpanID, p.ParentID, p.Name, service, p.Kind, flatten(p.Attributes)})
				}
			}
		}
	}
	return records, spans
}
