package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/krater-mesh/krater/test/bench/mesh"
)

const (
	editLimit = 20 * time.Second       // until an edit counts as lost
	editRest  = 300 * time.Millisecond // between an answer and the next edit
	pollEvery = time.Millisecond
)

// edit is a file that is written again and again with another value where it
// says EDIT, and the request whose answer tells the value in force.
type edit struct {
	name  string // of the figure and of the file in testdata/edits
	says  string
	url   string
	host  string
	value func(i int) string
	shows func(answer *http.Response, value string) bool
}

// edits need the mesh of Bookinfo; the route's file must be there for the policy's.
func edits(m *mesh.Mesh) []edit {
	gateway, details := "http://"+m.Network+".0.1:8080", "http://"+m.Network+".0.3:9080"
	return []edit{
		{
			"route", "VirtualService's redirect, at the gateway", gateway + "/", "edit.bench",
			func(i int) string { return fmt.Sprintf("v%d", i) },
			func(a *http.Response, v string) bool { return strings.HasSuffix(a.Header.Get("location"), "/"+v) },
		},
		{
			"policy", "AuthorizationPolicy's DENY on and off, at the gateway", gateway + "/edit-on", "edit.bench",
			func(i int) string { return []string{"on", "off"}[i%2] },
			func(a *http.Response, v string) bool { return (a.StatusCode == http.StatusForbidden) == (v == "on") },
		},
		{
			"rego", "RegoPolicy's answer, by policyd", details + "/edit", "details:9080",
			func(i int) string { return fmt.Sprintf("v%d", i) },
			func(a *http.Response, v string) bool { return a.Header.Get("x-edit") == v },
		},
	}
}

func measureEdits(ctx context.Context, o options, m *mesh.Mesh, r *report) error {
	if o.edits == 0 {
		return nil
	}
	for _, e := range edits(m) {
		text, err := os.ReadFile(filepath.Join(o.root, "test", "bench", "testdata", "edits", e.name+".yaml"))
		if err != nil {
			return err
		}
		took, err := e.run(ctx, m, string(text), o.edits)
		if err != nil {
			return fmt.Errorf("editing a %s: %w", e.name, err)
		}
		r.edits = append(r.edits, timing{e.name, e.says, took})
		progress("%d edits of a %s took %v ms", len(took), e.name, took)
	}
	return nil
}

// run times n edits, in milliseconds, after one that brings the file in.
func (e edit) run(ctx context.Context, m *mesh.Mesh, text string, n int) ([]float64, error) {
	client := &http.Client{
		Timeout:       editLimit,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	var took []float64
	for i := range n + 1 {
		value := e.value(i)
		began, err := m.Write("bench-"+e.name+".yaml", strings.ReplaceAll(text, "EDIT", value))
		if err != nil {
			return nil, err
		}
		if err := e.await(ctx, client, value); err != nil {
			return nil, err
		}
		if i > 0 {
			took = append(took, float64(time.Since(began).Microseconds())/1000)
		}
		if err := pause(ctx, editRest); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// await asks on one connection until the answer shows the value.
func (e edit) await(ctx context.Context, client *http.Client, value string) error {
	ctx, cancel := context.WithTimeout(ctx, editLimit)
	defer cancel()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url, nil)
		if err != nil {
			return err
		}
		req.Host = e.host
		res, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("%s was not in force: %w", value, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if e.shows(res, value) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s was not in force within %s: the answer is %d", value, editLimit, res.StatusCode)
		case <-poll.C:
		}
	}
}
