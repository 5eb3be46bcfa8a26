package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAwaitPollsUntilTheAnswerChanges(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 3 && r.Host == "edit.bench" {
			w.Header().Set("x-edit", "v2")
		}
	}))
	defer s.Close()
	e := edit{url: s.URL, host: "edit.bench", shows: func(a *http.Response, v string) bool { return a.Header.Get("x-edit") == v }}
	client := &http.Client{}
	defer client.CloseIdleConnections()
	if err := e.await(context.Background(), client, "v2"); err != nil || asked != 3 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := e.await(ctx, client, "v3"); err == nil || !strings.Contains(err.Error(), "v3 was not in force") {
		t.Errorf("got %v", err)
	}
}
