package model

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// TypeProxyReport is the type URL of what an agent tells of its proxy. Its
// report is a google.protobuf.BytesValue with the JSON of a ProxyReport.
const TypeProxyReport = "krater.dev/ProxyReport"

// The bounds of a report. It comes from another machine.
const (
	MaxProxyReport    = 512 << 10 // bytes
	MaxFilterReports  = 256
	MaxFilterLines    = 20
	MaxFilterLine     = 400 // bytes
	maxLatencyBuckets = 64
)

// ReadProxyReport reads a report, and refuses what no agent says.
func ReadProxyReport(text []byte) (r ProxyReport, err error) {
	if len(text) > MaxProxyReport {
		return r, fmt.Errorf("it has %d bytes, and may have %d", len(text), MaxProxyReport)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return ProxyReport{}, fmt.Errorf("decoding it: %w", err)
	}
	if r.Requests < 0 || r.Errors < 0 || r.Errors > r.Requests || r.CPU < 0 || r.Memory < 0 || r.Restarts < 0 {
		return ProxyReport{}, fmt.Errorf("a count is below 0, or more requests failed than there were")
	}
	if len(r.Latency) > maxLatencyBuckets || len(r.Filters) > MaxFilterReports {
		return ProxyReport{}, fmt.Errorf("it has %d buckets and %d filters, and may have %d and %d", len(r.Latency), len(r.Filters), maxLatencyBuckets, MaxFilterReports)
	}
	for i, b := range r.Latency {
		if last := i == len(r.Latency)-1; b.Count < 0 || b.UpTo < 0 != last || i > 0 && (b.Count < r.Latency[i-1].Count || !last && b.UpTo <= r.Latency[i-1].UpTo) {
			return ProxyReport{}, fmt.Errorf("its buckets of latency are not in order")
		}
	}
	for i := range r.Filters {
		if err := r.Filters[i].check(); err != nil {
			return ProxyReport{}, fmt.Errorf("filters[%d]: %w", i, err)
		}
	}
	return r, nil
}

// check bounds a filter's texts, and refuses what cannot be.
func (f *FilterReport) check() error {
	switch f.State {
	case FilterRunning, FilterMissing, FilterNoSecret, FilterFailing, FilterHolding, FilterTakenOut:
	default:
		return fmt.Errorf("its state is %.40q", f.State)
	}
	if f.Traps < 0 || f.Reloads < 0 || f.Held < 0 || f.Memory < 0 {
		return fmt.Errorf("a count is below 0")
	}
	if f.Object == "" || len(f.Object) > MaxFilterLine || len(f.Digest) > len("sha256:")+64 {
		return fmt.Errorf("its object or digest is none")
	}
	if len(f.Lines) > MaxFilterLines {
		f.Lines = f.Lines[len(f.Lines)-MaxFilterLines:]
	}
	f.Reason = bounded(f.Reason)
	for i, line := range f.Lines {
		f.Lines[i] = bounded(line)
	}
	return nil
}

// bounded is one line of UTF-8 of at most MaxFilterLine bytes.
func bounded(s string) string {
	s = printable(strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' {
			return ' '
		}
		return c
	}, s))
	if len(s) <= MaxFilterLine {
		return s
	}
	cut := MaxFilterLine
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
