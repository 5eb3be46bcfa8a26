package sandbox

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// loadLimit bounds the wait for a module to be compiled and configured.
const loadLimit = 90 * time.Second

// refusal is an error that waiting does not mend.
type refusal struct{ text string }

func (r refusal) Error() string { return r.text }

// Load puts filters, one behind the other, in the place of those before, and
// gives the time until new connections have them. An error tells what Envoy or
// a filter said; those before stay.
func (s *Sandbox) Load(ctx context.Context, f ...Filter) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := time.Now()
	s.loads++
	n := s.loads
	rejected, err := s.stat(ctx, "listener_manager.lds.update_rejected")
	if err != nil {
		return 0, err
	}
	s.log.take()
	if err := s.writeListener(n, f...); err != nil {
		return 0, fmt.Errorf("loading the filter: %w", err)
	}
	err = s.until(ctx, loadLimit, "Envoy to take the filter", func() error { return s.inForce(ctx, n, rejected) })
	return time.Since(began), err
}

// inForce opens a connection and looks which load counts it.
func (s *Sandbox) inForce(ctx context.Context, n int, rejected int64) error {
	now, err := s.stat(ctx, "listener_manager.lds.update_rejected")
	if err != nil {
		return err
	}
	if now > rejected {
		return refusal{"Envoy refused the filter: " + reasons(s.log.take())}
	}
	conn, err := net.DialTimeout("tcp", s.address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline := time.Now().Add(200 * time.Millisecond)
	for {
		count, err := s.stat(ctx, "http."+loadPrefix(n)+".downstream_cx_total")
		switch {
		case err != nil:
			return err
		case count > 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("new connections still have the filter before")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// reasons are the lines that tell why, shortest form first.
func reasons(lines []string) string {
	var out []string
	for _, l := range lines {
		if strings.Contains(l, "wasm log") || strings.Contains(l, "rejected") || strings.Contains(l, "Wasm") || strings.Contains(l, "wasm") {
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		out = lines
	}
	return "\n  " + strings.Join(out[max(0, len(out)-8):], "\n  ")
}
