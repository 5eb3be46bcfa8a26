package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/krater-mesh/krater/test/bench/figure"
	"github.com/krater-mesh/krater/test/bench/load"
	"github.com/krater-mesh/krater/test/bench/process"
)

// subject is one Envoy before an application, with what it asks.
type subject struct {
	name, text string
	url        string   // of the requests that are measured: they are allowed
	header     []string // "name: value" of those
	refused    string   // a URL that the policy refuses; "": there is none
	base       string   // the subject that it is compared with
	envoy      int      // process ids
	daemon     int      // 0: it asks nobody

	envoyCPU, daemonCPU []float64 // µs a request, by round
	results             []load.Result
	memory              int64         // of Envoy, after the loads
	stall               time.Duration // the longest that Envoy's main thread did not answer while its rules were exchanged
	lacks               string        // why nothing was measured
}

func (s *subject) cpu() float64 { return figure.Median(s.envoyCPU) + s.daemonUsed() }

func (s *subject) daemonUsed() float64 {
	if s.daemon == 0 {
		return 0
	}
	return figure.Median(s.daemonCPU)
}

// measure loads the subjects in turns; each round begins with another one.
func (o options) measure(ctx context.Context, list []*subject) error {
	for _, s := range list {
		if err := s.probe(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for round := -1; round < o.rounds; round++ {
		for i := range list {
			s := list[(max(round, 0)+i)%len(list)]
			if err := o.load(ctx, s, round < 0); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if round >= 0 {
				progress("round %d of %d, %-28s Envoy %6.1f µs a request, daemon %6.1f", round+1, o.rounds, s.text, last(s.envoyCPU), last(s.daemonCPU))
			}
		}
	}
	for _, s := range list {
		size, err := process.Memory(s.envoy)
		if err != nil {
			return err
		}
		s.memory = size.Resident
	}
	return nil
}

func last(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1]
}

func (o options) load(ctx context.Context, s *subject, warming bool) error {
	processes := []process.Process{{Name: "envoy", PID: s.envoy}}
	if s.daemon != 0 {
		processes = append(processes, process.Process{Name: "daemon", PID: s.daemon})
	}
	before, err := process.Read(processes)
	if err != nil {
		return err
	}
	l := load.Load{URL: s.url, Requests: o.requests, Connections: o.connections, Headers: s.header, Limit: 5 * time.Minute}
	if warming {
		l.Requests = max(o.requests/10, 1)
	}
	result, err := l.Run(ctx)
	if err != nil {
		return err
	}
	after, err := process.Read(processes)
	if err != nil {
		return fmt.Errorf("a process ended during the load: %w", err)
	}
	if warming {
		return nil
	}
	spent := after.Since(before)
	each := func(t time.Duration) float64 { return float64(t.Microseconds()) / float64(l.Requests) }
	s.envoyCPU = append(s.envoyCPU, each(spent["envoy"]))
	if s.daemon != 0 {
		s.daemonCPU = append(s.daemonCPU, each(spent["daemon"]))
	}
	s.results = append(s.results, result)
	return nil
}

// probe fails where the subject does not decide as it should: a policy that
// is not in force would look fast.
func (s *subject) probe(ctx context.Context) error {
	if err := s.answers(ctx, s.url, http.StatusOK); err != nil || s.refused == "" {
		return err
	}
	return s.answers(ctx, s.refused, http.StatusForbidden)
}

func (s *subject) answers(ctx context.Context, url string, want int) error {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	load.SetHeaders(req.Header, s.header)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	if res.StatusCode != want {
		return fmt.Errorf("%s answers %d, want %d", url, res.StatusCode, want)
	}
	return nil
}
