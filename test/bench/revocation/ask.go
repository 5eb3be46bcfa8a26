package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/krater-mesh/krater/test/bench/mesh"
)

const (
	pollEvery = time.Millisecond
	editLimit = 60 * time.Second       // until an edit counts as lost
	editRest  = 300 * time.Millisecond // between an answer and the next edit
)

// caller is the user "odd" on one connection to one proxy.
type caller struct {
	client *http.Client
	url    string
}

func newCaller(m *mesh.Mesh, host int) *caller {
	return &caller{
		client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}},
		url:    fmt.Sprintf("http://%s.0.%d:8000/right", m.Network, host),
	}
}

func (c *caller) close() { c.client.CloseIdleConnections() }

func (c *caller) ask(ctx context.Context) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("x-user", "odd")
	res, err := c.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// until asks until the answer has a status, and says when it came.
func (c *caller) until(ctx context.Context, want int) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, editLimit)
	defer cancel()
	for {
		status, err := c.ask(ctx)
		if err == nil && status == want {
			return time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("%s answered %d (%v) for %s, want %d", c.url, status, err, editLimit, want)
		case <-time.After(pollEvery):
		}
	}
}

// reached is when the first and the last of some proxies answered so.
func reached(ctx context.Context, callers []*caller, want int) (first, last time.Time, err error) {
	type answer struct {
		at  time.Time
		err error
	}
	answers := make(chan answer, len(callers))
	for _, c := range callers {
		go func() {
			at, err := c.until(ctx, want)
			answers <- answer{at, err}
		}()
	}
	for range callers {
		a := <-answers
		if a.err != nil {
			err = a.err
		}
		if first.IsZero() || a.at.Before(first) {
			first = a.at
		}
		if a.at.After(last) {
			last = a.at
		}
	}
	return first, last, err
}
