package filtercase

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/krater-mesh/krater/filters/filtertest"
	"github.com/krater-mesh/krater/filters/sandbox"
	"github.com/krater-mesh/krater/filters/sdk"
)

// Host runs a file's cases in a Wasm host of our own: no proxy is near, and a
// failure is the filter's.
type Host struct {
	module *filtertest.Module
	plugin *filtertest.Plugin
}

// NewHost starts a module with the file's configuration. Close ends it.
func (f *File) NewHost(ctx context.Context, code []byte) (*Host, error) {
	m, err := filtertest.Load(ctx, code)
	if err != nil {
		return nil, fmt.Errorf("starting the module: %w", err)
	}
	for name, answer := range f.Answers() {
		m.Services[name] = func(c sdk.HTTPCall) sdk.HTTPAnswer { return called(c, answer) }
	}
	p, err := m.Configure(f.RootID, f.ConfigText())
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("configuring the filter: %w", err)
	}
	return &Host{m, p}, nil
}

// Close ends the module.
func (h *Host) Close() error { return h.module.Close() }

func called(c sdk.HTTPCall, answer func(sandbox.Seen) *sandbox.Answer) sdk.HTTPAnswer {
	a := answer(sandbox.Seen{Method: cmp.Or(c.Method, http.MethodGet), Path: cmp.Or(c.Path, "/"), Host: c.Authority, Headers: byName(c.Headers), Body: string(c.Body)})
	status := max(a.Status, http.StatusOK)
	headers := sdk.NewHeaderList()
	for name, value := range a.Headers {
		headers.Add(name, value)
	}
	return sdk.HTTPAnswer{Status: status, Headers: headers, Body: sdk.NewBuffer(a.Body), Trailers: sdk.NewHeaderList()}
}

// Send runs the case's request.
func (h *Host) Send(c Case) (Got, error) {
	var seen *sandbox.Seen
	r := filtertest.Request{Method: c.Method, Path: c.Path, Authority: c.Host, Body: c.Body, Headers: sdk.Pairs(lowerNames(c.Headers))}
	r.Upstream = func(headers *sdk.HeaderList, body string) (int, [][2]string, string) {
		seen = seenOf(headers, body)
		if c.Upstream == nil {
			text, _ := json.Marshal(seen) // plain data: cannot fail
			return http.StatusOK, [][2]string{{"content-type", "application/json"}}, string(text) + "\n"
		}
		return max(c.Upstream.Status, http.StatusOK), sdk.Pairs(lowerNames(c.Upstream.Headers)), c.Upstream.Body
	}
	result, err := h.plugin.Request(r)
	if err != nil {
		return Got{}, err
	}
	if result.Response == nil {
		return Got{}, fmt.Errorf("the filter holds the request and never lets go")
	}
	status, _ := result.Response.Get(":status")
	got := Got{Headers: byName(result.Response.All()), Body: result.ResponseBody, Upstream: seen}
	got.Status, _ = strconv.Atoi(status)
	for _, l := range result.Log {
		got.Log = append(got.Log, l.Text)
	}
	return got, nil
}

func seenOf(headers *sdk.HeaderList, body string) *sandbox.Seen {
	s := &sandbox.Seen{Body: body, Headers: map[string][]string{}}
	for name, values := range byName(headers.All()) {
		switch name {
		case ":method":
			s.Method = values[0]
		case ":path":
			s.Path = values[0]
		case ":authority":
			s.Host = values[0]
		default:
			s.Headers[name] = values
		}
	}
	return s
}

func byName(pairs [][2]string) map[string][]string {
	out := map[string][]string{}
	for _, p := range pairs {
		out[p[0]] = append(out[p[0]], p[1])
	}
	return out
}
