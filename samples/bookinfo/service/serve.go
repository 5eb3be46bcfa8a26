// Package service is what Bookinfo's four services share: it listens on the
// loopback, answers JSON, calls peers with the request's own trace headers,
// and ends when its context does. It never retries: that is the mesh's part.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	readHeaderTimeout = 5 * time.Second
	shutdownTimeout   = 5 * time.Second
)

// Config is what a service reads from its environment.
type Config struct {
	Name    string // "reviews"
	Version string // "v1"
	Pod     string // the instance that answers: $POD_NAME, or NAME-VERSION
	Address string // host:port to listen on
}

// FromEnv reads HOST (default 127.0.0.1), PORT (default 9080), POD_NAME and
// NAME_VERSION (REVIEWS_VERSION for reviews; default v1).
func FromEnv(name string, getenv func(string) string) Config {
	or := func(key, otherwise string) string {
		if v := getenv(key); v != "" {
			return v
		}
		return otherwise
	}
	c := Config{Name: name, Version: or(strings.ToUpper(name)+"_VERSION", "v1")}
	c.Pod = or("POD_NAME", c.Name+"-"+c.Version)
	c.Address = net.JoinHostPort(or("HOST", "127.0.0.1"), or("PORT", "9080"))
	return c
}

// Serve listens on c.Address and answers with h, and with /health, until ctx
// ends; then it lets running requests finish, for five seconds at most.
func Serve(ctx context.Context, log *slog.Logger, c Config, h http.Handler) error {
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return fmt.Errorf("listening for %s: %w", c.Name, err)
	}
	return serve(ctx, log, c, l, h)
}

func serve(ctx context.Context, log *slog.Logger, c Config, l net.Listener, h http.Handler) error {
	// No idle timeout: the sidecar keeps its connections, and one that the
	// service closes first is a race that the caller sees as a 503.
	srv := &http.Server{Handler: WithHealth(h), ReadHeaderTimeout: readHeaderTimeout}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	log.Info("serving", "service", c.Name, "version", c.Version, "address", l.Addr().String())

	select {
	case err := <-ended:
		return fmt.Errorf("serving %s: %w", c.Name, err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := srv.Shutdown(stop)
	if served := <-ended; err == nil && !errors.Is(served, http.ErrServerClosed) {
		err = served
	}
	if err != nil {
		return fmt.Errorf("stopping %s: %w", c.Name, err)
	}
	return nil
}

// WithHealth answers GET /health itself and hands everything else to h.
func WithHealth(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.Handle("/", h)
	return mux
}
