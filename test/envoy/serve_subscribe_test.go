package envoy_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/subscribe"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/serve"
)

// A daemon's slice by the real server and the real client: what it refuses is
// known by name, what is good is in force, and a restart loses neither.
func TestServeADaemonItsSlice(t *testing.T) {
	p := newServePlane(t)
	slice := func(jsons ...string) serve.Set {
		set := serve.Set{model.TypeRegoPolicy: {}}
		for i, js := range jsons {
			set[model.TypeRegoPolicy][fmt.Sprintf("ns/%d", i)] = wrapperspb.Bytes([]byte(js))
		}
		return set
	}
	publish := func(set serve.Set) {
		if err := p.server.Publish(model.NodePolicyd, set, serve.Cause{}); err != nil {
			t.Fatal(err)
		}
	}
	publish(slice(`{"n":1}`, `{"n":-1}`, `{"n":3}`))
	latest := make(chan map[string]struct{ N int }, 64)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	client := subscribe.New(subscribe.Options{
		Target: "unix:" + p.socket, Node: model.NodePolicyd, Types: []string{model.TypeRegoPolicy}, Dir: t.TempDir(),
		Backoff: func(int) time.Duration { return 10 * time.Millisecond },
	})
	go func() {
		done <- client.Run(ctx, func(u subscribe.Update) error {
			all, err := subscribe.Decode[struct{ N int }](u)
			for name, r := range all {
				if r.N < 0 {
					return fmt.Errorf("%s is negative", name)
				}
			}
			if err == nil {
				latest <- all
			}
			return err
		})
	}()
	defer func() {
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the client ended with %v", err)
		}
	}()
	until := func(what string, state serve.State, count int) {
		t.Helper()
		harness.Until(t, 10*time.Second, what, func() error {
			st := p.server.Status()[0].Types[model.TypeRegoPolicy]
			if st.State != state || st.Count != count {
				return fmt.Errorf("status %+v", st)
			}
			return nil
		})
	}
	until("the refusal", serve.StateNack, 2)
	if got := p.server.Status()[0].Types[model.TypeRegoPolicy].Detail; got != "ns/1: ns/1 is negative" {
		t.Errorf("detail %q", got)
	}
	publish(slice(`{"n":1}`, `{"n":2}`, `{"n":3}`))
	until("the mended one", serve.StateSynced, 3)

	p.rpc.Stop()
	mark := p.mark()
	p.start()
	publish(slice(`{"n":1}`, `{"n":2}`, `{"n":4}`))
	until("the client to come back", serve.StateSynced, 3)
	if got := serveSent(p, mark); got != "RegoPolicy ns/2" {
		t.Errorf("after the restart was sent %s", got)
	}
	for {
		select {
		case all := <-latest:
			if all["ns/2"].N == 4 {
				return
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the newest state never came")
		}
	}
}
