package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	callTimeout = 5 * time.Second
	maxAnswer   = 1 << 20 // bytes
)

// Peer is another service, as its caller sees it.
type Peer struct {
	Name   string
	URL    string // "http://reviews:9080"
	Client *http.Client
}

// PeerFromEnv gives the peer at $NAME_URL, or at http://NAME:9080. Its client
// is Go's own, which goes through HTTP_PROXY, with a timeout.
func PeerFromEnv(name string, getenv func(string) string) Peer {
	url := getenv(strings.ToUpper(name) + "_URL")
	if url == "" {
		url = "http://" + name + ":9080"
	}
	return Peer{Name: name, URL: url, Client: &http.Client{Timeout: callTimeout}}
}

// Answer is what a peer said, whatever its status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// StatusError is an answer that is not 200.
type StatusError struct {
	Peer   string
	Status int
	Reason string // the answer's first line
}

// Error implements error.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered %d: %s", e.Peer, e.Status, e.Reason)
}

// Call sends one request on behalf of in: with its context, its trace headers
// and its user. The error is of the call, never of the answer's status.
func (p Peer) Call(in *http.Request, method, path string, body []byte) (Answer, error) {
	out, err := http.NewRequestWithContext(in.Context(), method, p.URL+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("calling %s: %w", p.Name, err)
	}
	Propagate(in.Header, out.Header)
	if len(body) > 0 {
		out.Header.Set("content-type", "application/json")
	}
	resp, err := p.Client.Do(out)
	if err != nil {
		return Answer{}, fmt.Errorf("calling %s: %w", p.Name, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("reading the answer of %s: %w", p.Name, err)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: b}, nil
}

// GetJSON reads a peer's JSON into out. An answer other than 200 is a
// *StatusError.
func (p Peer) GetJSON(in *http.Request, path string, out any) error {
	a, err := p.Call(in, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if a.Status != http.StatusOK {
		reason, _, _ := strings.Cut(strings.TrimSpace(string(a.Body)), "\n")
		return &StatusError{Peer: p.Name, Status: a.Status, Reason: reason}
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", p.Name, err)
	}
	return nil
}
