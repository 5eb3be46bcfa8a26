// Package status answers questions about one workload: whether it is ready,
// its metrics with its proxy's, and whether its containers' probes hold. It
// listens where it is told to, and that is loopback unless told otherwise.
package status

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/krater-mesh/krater/agent/admin"
	"github.com/krater-mesh/krater/model"
)

// The ports, Istio's.
const (
	MetricsPort = 15020 // /stats/prometheus, /app-health/, /quitquitquit
	ReadyPort   = 15021 // /healthz/ready
)

// Options of a Server.
type Options struct {
	Address string // an IP of this machine
	Envoy   admin.Page
	Health  *Health
	// AppMetrics is where the application's metrics are; nil: it has none.
	AppMetrics func() *model.AppMetrics
	// AppProbes are what may be asked on a container's behalf, by path.
	AppProbes map[string]*model.Probe
	// Quit ends the agent; nil: nobody may.
	Quit func()
}

// Server is one workload's.
type Server struct {
	o      Options
	failed failures
}

// New makes a server; it listens nowhere yet.
func New(o Options) *Server { return &Server{o: o} }

// Run serves both ports until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	ready, err := s.listen(ReadyPort)
	if err != nil {
		return err
	}
	metrics, err := s.listen(MetricsPort)
	if err != nil {
		ready.Close()
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, ready, s.readiness()) })
	group.Go(func() error { return serve(ctx, metrics, s.handler()) })
	return group.Wait()
}

func (s *Server) listen(port int) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(s.o.Address, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listening for questions about the workload: %w", err)
	}
	return l, nil
}

func (s *Server) readiness() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz/ready", s.ready)
	return mux
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz/ready", s.ready)
	mux.HandleFunc("GET /stats/prometheus", atOnce(2, s.metrics))
	mux.HandleFunc("GET /app-health/", atOnce(16, s.appHealth))
	mux.HandleFunc("POST /quitquitquit", s.quit)
	return mux
}

func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answering questions about the workload: %w", err)
	}
	return nil
}

// atOnce bounds what strangers can have the agent do at one time.
func atOnce(n int, h http.HandlerFunc) http.HandlerFunc {
	turns := make(chan struct{}, n)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
			h(w, r)
		default:
			http.Error(w, "too many ask at once", http.StatusServiceUnavailable)
		}
	}
}

// quit is for programs of this machine, such as a job that is done; pages in
// a browser are not.
func (s *Server) quit(w http.ResponseWriter, r *http.Request) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	if from := net.ParseIP(host); from == nil || !from.IsLoopback() || r.Header.Get("Origin") != "" || s.o.Quit == nil {
		http.Error(w, "only programs of this machine may end the agent", http.StatusForbidden)
		return
	}
	fmt.Fprintln(w, "the agent ends")
	s.o.Quit()
}
