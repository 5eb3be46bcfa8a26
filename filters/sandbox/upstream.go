package sandbox

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Seen is a request as it came to the upstream.
type Seen struct {
	Method  string              `json:"method"`
	Path    string              `json:"path"` // with its query
	Host    string              `json:"host"`
	Headers map[string][]string `json:"headers"` // names in lower case
	Body    string              `json:"body,omitempty"`
}

// Answer is what an upstream answers; nil echoes the request as JSON.
type Answer struct {
	Status  int               `json:"status,omitempty"` // 0: 200
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
}

// maxBody bounds what is kept of a request.
const maxBody = 1 << 20

// upstream is the application behind the filter.
type upstream struct {
	host   string
	port   int
	server *http.Server

	mu     sync.Mutex
	answer func(Seen) *Answer // nil: nothing but echoes
	seen   []Seen
}

func serveUpstream(answer func(Seen) *Answer) (*upstream, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{answer: answer}
	if u.host, u.port, err = splitAddress(l.Addr().String()); err != nil {
		l.Close()
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	u.server = &http.Server{Handler: u, ReadHeaderTimeout: 10 * time.Second, Protocols: protocols}
	go u.server.Serve(l)
	return u, nil
}

func (u *upstream) close() { u.server.Close() }

// ServeHTTP implements http.Handler.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
	seen := Seen{Method: r.Method, Path: r.URL.RequestURI(), Host: r.Host, Body: string(body), Headers: map[string][]string{}}
	for name, values := range r.Header {
		seen.Headers[strings.ToLower(name)] = values
	}
	u.mu.Lock()
	u.seen = append(u.seen[max(0, len(u.seen)-99):], seen)
	choose := u.answer
	u.mu.Unlock()
	var answer *Answer
	if choose != nil {
		answer = choose(seen)
	}
	if answer == nil {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(seen)
		return
	}
	for name, value := range answer.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(max(answer.Status, 200))
	_, _ = io.WriteString(w, answer.Body)
}

// Answer is what the upstream says from now on; nil: it echoes. What it saw
// before is forgotten.
func (s *Sandbox) Answer(a *Answer) {
	choose := func(Seen) *Answer { return nil }
	if a != nil {
		kept := &Answer{a.Status, maps.Clone(a.Headers), a.Body}
		choose = func(Seen) *Answer { return kept }
	}
	s.upstream.mu.Lock()
	defer s.upstream.mu.Unlock()
	s.upstream.answer, s.upstream.seen = choose, nil
}

// Seen are the requests that came through since Answer, at most the last 100.
func (s *Sandbox) Seen() []Seen {
	s.upstream.mu.Lock()
	defer s.upstream.mu.Unlock()
	return append([]Seen(nil), s.upstream.seen...)
}
