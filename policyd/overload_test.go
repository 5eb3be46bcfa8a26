package policyd

import (
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// busy is a policy that computes for some milliseconds, and endless one that
// does until its time is up.
const (
	busy    = "package p\n\nallow if { count([i | some i in numbers.range(1, 5000); i % 7 == 3]) > 0 }\n"
	endless = "package p\n\nallow if { some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a * b == -1 }\n"
	quick   = "package p\n\nallow if input.attributes.request.http.method == \"GET\"\n"
)

func regoPolicy(name, source string) model.RegoPolicy {
	return model.RegoPolicy{Object: model.Ref{Kind: "RegoPolicy", Namespace: "a", Name: name}, Query: "data.p.allow", Mode: model.Enforce,
		Failure: model.FailClosed, Timeout: model.Duration(200 * time.Millisecond), Modules: []model.RegoModule{{Name: "p.rego", Source: source}}}
}

// asker runs a policyd with these policies, and gives who asks it about one.
func asker(t *testing.T, policies ...model.RegoPolicy) func(policy string, within time.Duration) error {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	ready, ended := make(chan struct{}), make(chan error, 1)
	s := New(Options{Listen: "unix:" + socket, Ready: func() { close(ready) }})
	if problems := s.Server().SetPolicies(policies); problems.HasErrors() {
		t.Fatal(problems)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- s.Run(ctx) }()
	<-ready
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	client, request := authv3.NewAuthorizationClient(conn), rego.Request{}.CheckRequest(0)
	return func(policy string, within time.Duration) error {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "krater-policies", "a/"+policy), within)
		defer cancel()
		r, err := client.Check(ctx, request)
		if err == nil && r.GetOkResponse() == nil {
			return status.Error(codes.PermissionDenied, r.String())
		}
		return err
	}
}

// TestOverload: asked ten times what it can decide, policyd goes on deciding,
// turns the rest away with a clear status before they give up, keeps its
// memory, and is as before when it is over.
func TestOverload(t *testing.T) {
	policy := regoPolicy("busy", busy)
	policy.Timeout = model.Duration(5 * time.Second)
	ask := asker(t, policy)
	capacity := capacityOf(t, ask)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	const load, patience = 2 * time.Second, 20 * time.Second
	wanted := min(int(10*capacity*load.Seconds()), 10_000)
	var mu sync.Mutex
	var turned []time.Duration
	answers := map[codes.Code]int{}
	var group sync.WaitGroup
	var peak atomic.Uint64
	began := time.Now()
	for i := range wanted {
		for time.Since(began) < time.Duration(i)*load/time.Duration(wanted) {
			time.Sleep(time.Millisecond)
		}
		if i%500 == 0 {
			runtime.ReadMemStats(&after)
			peak.Store(max(peak.Load(), after.HeapAlloc))
		}
		group.Go(func() {
			asked := time.Now()
			err := ask("busy", patience)
			mu.Lock()
			defer mu.Unlock()
			if answers[status.Code(err)]++; err != nil {
				turned = append(turned, time.Since(asked))
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	done := float64(answers[codes.OK]) / took.Seconds()
	t.Logf("capacity %.0f/s; asked %d in %s: %v, %.0f/s decided; heap %d → %d MB at most", capacity, wanted, took, answers, done, before.HeapAlloc>>20, peak.Load()>>20)
	for code := range answers {
		if code != codes.OK && code != codes.ResourceExhausted {
			t.Errorf("answers: %v", answers)
		}
	}
	if answers[codes.ResourceExhausted] == 0 || answers[codes.OK] == 0 {
		t.Errorf("%v: %.0f/s of %.0f/s", answers, done, capacity)
	}
	if grown := int64(peak.Load()) - int64(before.HeapAlloc); grown > 256<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	if slices.Sort(turned); len(turned) > 0 && turned[len(turned)/2] > patience/4 {
		t.Errorf("half of those that were turned away waited %s and more", turned[len(turned)/2])
	}
	if err := ask("busy", time.Second); err != nil {
		t.Errorf("when it is over: %v", err)
	}
}

// capacityOf is how many questions a second are answered when only a few are
// under way.
func capacityOf(t *testing.T, ask func(string, time.Duration) error) float64 {
	t.Helper()
	var n atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for range 2 {
		group.Go(func() {
			for time.Since(began) < 500*time.Millisecond {
				if err := ask("busy", 5*time.Second); err == nil {
					n.Add(1)
				}
			}
		})
	}
	group.Wait()
	return float64(n.Load()) / time.Since(began).Seconds()
}

// TestASlowPolicyDoesNotSlowAnothers: a tenant whose policy never ends is
// asked all the time, and another's quick one is decided as ever.
func TestASlowPolicyDoesNotSlowAnothers(t *testing.T) {
	ask := asker(t, regoPolicy("endless", endless), regoPolicy("quick", quick))
	for range 50 {
		if err := ask("quick", 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := ask("endless", 5*time.Second); err == nil {
					t.Error("the endless policy ended")
				}
			}
		})
	}
	var took []time.Duration
	for range 200 {
		began := time.Now()
		if err := ask("quick", 5*time.Second); err != nil {
			t.Errorf("the quick policy: %v", err)
		}
		took = append(took, time.Since(began))
	}
	cancel()
	group.Wait()
	slices.Sort(took)
	t.Logf("quick beside endless: half in %s, nine of ten in %s", took[len(took)/2], took[len(took)*9/10])
	if took[len(took)/2] > 100*time.Millisecond {
		t.Errorf("half of the quick ones took %s and more", took[len(took)/2])
	}
}
