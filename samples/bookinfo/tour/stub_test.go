package tour

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// stub answers as the mesh does. Its fields are what can be wrong with it.
type stub struct {
	mu       sync.Mutex
	requests int            // without a user, for the split
	clients  map[string]int // by x-demo-client
	scrapes  int

	everyV3    int // each n-th request goes to v3; 5 is 80/20
	delay      time.Duration
	noFilter   bool
	noRego     bool
	limit      int // requests of one client
	lateScrape int // the metrics come with this scrape; 0: never
}

func goodStub() *stub {
	return &stub{everyV3: 5, delay: fixedDelay, limit: limitRequests, lateScrape: 2}
}

func (s *stub) start(t *testing.T) (Options, *http.Client) {
	t.Helper()
	s.clients = map[string]int{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return Options{Page: srv.URL, Metrics: srv.URL + "/metrics", Requests: 100}, srv.Client()
}

// ServeHTTP implements http.Handler.
func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch user := r.Header.Get("end-user"); {
	case r.URL.Path == "/metrics":
		s.metrics(w)
	case r.URL.Path == "/productpage":
		io.WriteString(w, "<h1>The Symposium</h1> Plato reviews-v1")
	case r.Method == http.MethodDelete:
		http.Error(w, "RBAC: access denied", http.StatusForbidden)
	case r.Method == http.MethodPost && user != "jason" && !s.noRego:
		w.Header().Set("x-bookinfo-refused", "ratings-editors")
		http.Error(w, "only editors may rate books", http.StatusForbidden)
	case r.URL.Path == reviewsPath:
		fmt.Fprintf(w, `{"version":%q}`, s.version(user))
	case r.URL.Path == ratingsPath && user == "doomed":
		http.Error(w, "fault filter abort", http.StatusInternalServerError)
	case r.URL.Path == ratingsPath:
		if user == "snail" {
			time.Sleep(s.delay) // the fault itself
		}
		io.WriteString(w, `{"stars":{"Agathon":5}}`)
	default:
		s.products(w, r.Header.Get("x-demo-client"))
	}
}

func (s *stub) version(user string) string {
	if user == "jason" {
		return "v2"
	}
	if s.requests++; s.requests%s.everyV3 == 0 {
		return "v3"
	}
	return "v1"
}

func (s *stub) products(w http.ResponseWriter, client string) {
	if client != "" {
		if s.clients[client]++; s.clients[client] > s.limit {
			http.Error(w, "local_rate_limited", http.StatusTooManyRequests)
			return
		}
	}
	if !s.noFilter {
		w.Header().Set("x-krater-mixed", "wasm")
	}
	io.WriteString(w, "The Symposium")
}

func (s *stub) metrics(w io.Writer) {
	if s.scrapes++; s.lateScrape == 0 || s.scrapes < s.lateScrape {
		return
	}
	io.WriteString(w, "# TYPE krater_requests_total counter\n")
	for _, workload := range strings.Fields("productpage-v1 details-v1 reviews-v1 reviews-v2 ratings-v1") {
		fmt.Fprintf(w, "krater_requests_total{destination_workload=%q,response_code=\"200\"} 7\n", workload)
	}
}
