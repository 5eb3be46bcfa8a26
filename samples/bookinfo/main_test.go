package main

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"reviewz"}, {"tour", "nowhere"}} {
		if code := run(t.Context(), args); code != 2 {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

// A service that is run as krater runs it answers on $PORT.
func TestRunAService(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	t.Setenv("PORT", strconv.Itoa(port))
	if code := run(t.Context(), []string{"details"}); code != 2 {
		t.Fatalf("a port in use: exit code %d", code)
	}
	l.Close()

	defer http.DefaultClient.CloseIdleConnections()
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"details"}) }()
	deadline := time.Now().Add(5 * time.Second)
	for {
		resp, err := http.Get("http://" + l.Addr().String() + "/health")
		if err == nil {
			resp.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // until it listens
	}
	stop()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
}
