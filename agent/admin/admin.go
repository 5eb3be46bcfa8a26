// Package admin asks Envoy's admin page what an agent has to know of its
// proxy. It never shows the page to anybody.
package admin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Page is one Envoy's admin page, "http://IP:PORT".
type Page string

// client never goes by a proxy: the page is on this machine.
var client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// maxPage bounds what is read of a page.
const maxPage = 64 << 20

func (p Page) ask(ctx context.Context, method, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, string(p)+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking envoy's admin page: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking envoy's admin page: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		return nil, fmt.Errorf("reading envoy's admin page: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return body, fmt.Errorf("envoy's admin page answers %s with %d: %s", path, resp.StatusCode, strings.TrimSpace(string(body[:min(len(body), 100)])))
	}
	return body, nil
}

// Ready is nil once Envoy has its first configuration and takes connections.
func (p Page) Ready(ctx context.Context) error {
	if _, err := p.ask(ctx, http.MethodGet, "/ready"); err != nil {
		return err
	}
	stats, err := p.Stats(ctx, `^listener_manager\.workers_started$`)
	if err == nil && stats["listener_manager.workers_started"] != 1 {
		err = fmt.Errorf("envoy's workers have not started")
	}
	return err
}

// Stats gives the counters and gauges whose names match.
func (p Page) Stats(ctx context.Context, pattern string) (map[string]uint64, error) {
	body, err := p.ask(ctx, http.MethodGet, "/stats?filter="+url.QueryEscape(pattern))
	if err != nil {
		return nil, err
	}
	out := map[string]uint64{}
	for lines := bufio.NewScanner(strings.NewReader(string(body))); lines.Scan(); {
		name, text, ok := strings.Cut(lines.Text(), ": ")
		if n, err := strconv.ParseUint(text, 10, 64); ok && err == nil {
			out[name] = n
		}
	}
	return out, nil
}

// Metrics are all of Envoy's, in Prometheus' text.
func (p Page) Metrics(ctx context.Context) ([]byte, error) {
	return p.ask(ctx, http.MethodGet, "/stats/prometheus?usedonly")
}

// Drain has Envoy ask its callers to leave, and take new ones still.
func (p Page) Drain(ctx context.Context) error {
	_, err := p.ask(ctx, http.MethodPost, "/drain_listeners?graceful&skip_exit")
	return err
}
