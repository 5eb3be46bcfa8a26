package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func adminClient(socket string) *http.Client {
	return &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
}

// ask asks Envoy's admin page.
func (s *Sandbox) ask(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://envoy"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.admin.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", path, resp.Status)
	}
	return body, nil
}

// Stats gives Envoy's counters and gauges whose names match; nil: all.
func (s *Sandbox) Stats(ctx context.Context, names *regexp.Regexp) (map[string]int64, error) {
	path := "/stats?format=json"
	if names != nil {
		path += "&filter=" + url.QueryEscape(names.String())
	}
	body, err := s.ask(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("reading Envoy's stats: %w", err)
	}
	var out struct {
		Stats []struct {
			Name  string `json:"name"`
			Value any    `json:"value"`
		} `json:"stats"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, fmt.Errorf("reading Envoy's stats: %w", err)
	}
	stats := map[string]int64{}
	for _, st := range out.Stats {
		if v, ok := st.Value.(float64); ok {
			stats[st.Name] = int64(v)
		}
	}
	return stats, nil
}

func (s *Sandbox) stat(ctx context.Context, name string) (int64, error) {
	stats, err := s.Stats(ctx, regexp.MustCompile("^"+regexp.QuoteMeta(name)+"$"))
	return stats[name], err
}

// Memory is what Envoy has resident, in bytes (VmRSS of proc(5)).
func (s *Sandbox) Memory() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.envoy.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("reading Envoy's memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("reading Envoy's memory: /proc has no VmRSS")
}

func splitAddress(a string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(a)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}
