// Package load sends a bounded number of requests with h2load and says how
// they were answered. It sends to loopback addresses only.
package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrMissing says that h2load is not installed, and what to do.
var ErrMissing = errors.New("h2load is missing: install it (Debian, Ubuntu: apt-get install nghttp2-client; others: nghttp2)")

// Load is one run: so many HTTP/1.1 requests over so many connections, each
// with one request at a time.
type Load struct {
	URL         string
	Requests    int
	Connections int
	Headers     []string      // "name: value"
	Limit       time.Duration // the longest the run may take
}

// Find fails where there is no h2load.
func Find() error {
	if _, err := exec.LookPath("h2load"); err != nil {
		return ErrMissing
	}
	return nil
}

// Run sends the load. An answer that is not 200 is an error: a benchmark of
// refusals would look fast.
func (l Load) Run(ctx context.Context) (Result, error) {
	if err := loopback(l.URL); err != nil {
		return Result{}, err
	}
	log, err := os.CreateTemp("", "h2load-*.tsv")
	if err != nil {
		return Result{}, fmt.Errorf("making h2load's log: %w", err)
	}
	log.Close()
	defer os.Remove(log.Name())
	if err := os.Remove(log.Name()); err != nil { // h2load wants to make it itself
		return Result{}, fmt.Errorf("making h2load's log: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.Limit)
	defer cancel()
	args := []string{"--h1", "-t", "1", "--log-file", log.Name(), "-n", strconv.Itoa(l.Requests), "-c", strconv.Itoa(l.Connections)}
	for _, h := range l.Headers {
		args = append(args, "-H", h)
	}
	cmd := exec.CommandContext(ctx, "h2load", append(args, l.URL)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return Result{}, fmt.Errorf("loading %s: %w\n%s", l.URL, err, out)
	}
	text, err := os.ReadFile(log.Name())
	if err != nil {
		return Result{}, fmt.Errorf("reading h2load's log: %w", err)
	}
	return parseLog(string(text), l.Requests)
}

// SetHeaders gives a request the headers of a load: "name: value".
func SetHeaders(to http.Header, lines []string) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		to.Set(name, strings.TrimSpace(value))
	}
}

func loopback(target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("the load's target: %w", err)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil || !ip.IsLoopback() {
		return fmt.Errorf("the load's target %s is no loopback address", target)
	}
	return nil
}
