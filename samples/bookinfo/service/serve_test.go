package service

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

var silent = slog.New(slog.DiscardHandler)

func TestFromEnv(t *testing.T) {
	env := map[string]string{}
	getenv := func(k string) string { return env[k] }

	if got, want := FromEnv("reviews", getenv), (Config{"reviews", "v1", "reviews-v1", "127.0.0.1:9080"}); got != want {
		t.Errorf("defaults: got %+v, want %+v", got, want)
	}
	env = map[string]string{"REVIEWS_VERSION": "v3", "PORT": "1234", "HOST": "::1"}
	if got, want := FromEnv("reviews", getenv), (Config{"reviews", "v3", "reviews-v3", "[::1]:1234"}); got != want {
		t.Errorf("given: got %+v, want %+v", got, want)
	}
	env["POD_NAME"] = "reviews-v3-7d"
	if got := FromEnv("reviews", getenv).Pod; got != "reviews-v3-7d" {
		t.Errorf("pod: got %q", got)
	}
}

func TestServeLetsRunningRequestsFinish(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		io.WriteString(w, "done")
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, silent, Config{Name: "slow"}, l, h) }()

	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer <- string(b)
	}()
	<-arrived
	stop()
	select {
	case err := <-ended:
		t.Fatalf("ended with a request running: %v", err)
	case <-time.After(50 * time.Millisecond): // the window in which a hard stop would show
	}
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("the running request got %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestServePortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = Serve(t.Context(), silent, Config{Name: "details", Address: l.Addr().String()}, http.NotFoundHandler())
	if err == nil {
		t.Fatal("no error for a port in use")
	}
}
