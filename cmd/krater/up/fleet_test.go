package up

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// TestAProgramOutlivesItsEnvoy: it is called until its Envoy is drained. What
// takes a name over waits for who had it.
func TestAProgramOutlivesItsEnvoy(t *testing.T) {
	f := newFleet(Options{Logger: slog.New(slog.DiscardHandler)}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer f.wait()
	defer cancel()
	drained, envoyAsked, programAsked := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f.running[envoyOf+"a"] = f.start(ctx, envoyOf+"a", "1", func(ctx context.Context) error {
		<-ctx.Done()
		close(envoyAsked)
		<-drained
		return nil
	})
	f.running[programOf+"a"] = f.start(ctx, programOf+"a", "1", func(ctx context.Context) error {
		<-ctx.Done()
		close(programAsked)
		return nil
	})
	other := f.start(ctx, programOf+"b", "1", func(ctx context.Context) error { <-ctx.Done(); return nil })
	f.running[programOf+"b"] = other

	f.end(map[string]string{programOf + "b": "2"})
	if len(f.running) != 0 {
		t.Errorf("%d still count as running", len(f.running))
	}
	<-envoyAsked
	<-other.ended // it has no Envoy to wait for
	begun := make(chan struct{})
	next := f.start(ctx, envoyOf+"a", "2", func(context.Context) error { close(begun); return nil })
	select {
	case <-programAsked:
		t.Error("the program ends before its Envoy is drained")
	case <-begun:
		t.Error("the next Envoy begins before the one before it has ended")
	case <-time.After(50 * time.Millisecond):
	}
	close(drained)
	<-programAsked
	<-begun
	<-next.ended
}
