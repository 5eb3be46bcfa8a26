package filtercase

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/krater-mesh/krater/filters/sandbox"
)

// answerLimit bounds the wait for one answer.
const answerLimit = 15 * time.Second

// Answers are a file's services, for a sandbox.
func (f *File) Answers() map[string]func(sandbox.Seen) *sandbox.Answer {
	out := map[string]func(sandbox.Seen) *sandbox.Answer{}
	for name, list := range f.Services {
		out[name] = func(s sandbox.Seen) *sandbox.Answer {
			for _, a := range list {
				if a.meets(s) {
					return &a.Answer
				}
			}
			return &sandbox.Answer{Status: http.StatusNotFound, Body: "no answer of the service " + name + " is for this call"}
		}
	}
	return out
}

func (a Service) meets(s sandbox.Seen) bool {
	for name, want := range a.When {
		if strings.Join(s.Headers[strings.ToLower(name)], ",") != want {
			return false
		}
	}
	return a.Path == "" || a.Path == s.Path
}

// Send sends the case's request through a sandbox.
func (c Case) Send(ctx context.Context, s *sandbox.Sandbox) (Got, error) {
	s.Answer(c.Upstream)
	s.Log()
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, c.Verb(), s.URL()+c.Target(), strings.NewReader(c.Body))
	if err != nil {
		return Got{}, fmt.Errorf("making the request %q: %w", c.Name, err)
	}
	for name, value := range c.Headers {
		req.Header.Set(name, value)
	}
	req.Host = c.Host
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return Got{Log: filterLines(s.Log())}, fmt.Errorf("sending %q: %w", c.Name, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return Got{}, fmt.Errorf("reading the answer to %q: %w", c.Name, err)
	}
	got := Got{Status: resp.StatusCode, Headers: lower(resp.Header), Body: string(body), Log: filterLines(s.Log())}
	if seen := s.Seen(); len(seen) > 0 {
		got.Upstream = &seen[0]
	}
	return got, nil
}

func lower(h http.Header) map[string][]string {
	out := map[string][]string{}
	for name, values := range h {
		out[strings.ToLower(name)] = values
	}
	return out
}

func lowerNames(headers map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range headers {
		out[strings.ToLower(name)] = value
	}
	return out
}

// filterLines are the filter's own of Envoy's lines, without what Envoy puts
// before them.
func filterLines(lines []string) []string {
	var out []string
	for _, l := range lines {
		level, rest, _ := strings.Cut(l, " ")
		if _, text, ok := strings.Cut(rest, "wasm log"); ok {
			if _, after, ok := strings.Cut(text, ": "); ok {
				text = after
			}
			out = append(out, level+" "+text)
		}
	}
	return out
}
