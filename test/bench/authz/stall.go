package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// stall is the longest that Envoy's main thread did not answer while an edit
// came into force: its admin page is asked all the time.
func stall(ctx context.Context, admin string, edit func() error, inForce func(context.Context) error) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	longest := make(chan time.Duration, 1)
	asking, enough := context.WithCancel(ctx)
	go func() {
		var most time.Duration
		for asking.Err() == nil {
			began := time.Now()
			if res, err := client.Get(admin + "/ready"); err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			most = max(most, time.Since(began))
		}
		longest <- most
	}()
	err := edit()
	for err == nil && inForce(ctx) != nil {
		select {
		case <-ctx.Done():
			err = fmt.Errorf("the edit is not in force after a minute")
		case <-time.After(5 * time.Millisecond):
		}
	}
	enough()
	return <-longest, err
}
