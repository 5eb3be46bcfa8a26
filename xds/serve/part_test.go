package serve

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

func mustPart(t testing.TB, e *Encoder, set Set) *Part {
	t.Helper()
	p, err := e.Part(set)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEncoderEncodesAMessageOnce(t *testing.T) {
	e := NewEncoder()
	m := say("hello")
	first := mustPart(t, e, Set{testType: {"a": m}}).shards[0].resources[0]
	if again := mustPart(t, e, Set{testType: {"a": m, "b": say("other")}}).shards[0].resources[0]; again != first {
		t.Error("the message was encoded again")
	}
	if renamed := mustPart(t, e, Set{testType: {"c": m}}).shards[0].resources[0]; !bytes.Contains(renamed.frame, []byte{1, 'c'}) || renamed == first {
		t.Errorf("under another name it is %q", renamed.frame)
	}
}

func TestEncoderKeepsWhatLives(t *testing.T) {
	e := NewEncoder()
	m := say("hello")
	living := mustPart(t, e, Set{testType: {"a": m}})
	for i := range 5000 {
		mustPart(t, e, Set{testType: {"b": say("%d", i)}})
		e.Sweep(slices.Values([]*Part{living}))
	}
	if again := mustPart(t, e, Set{testType: {"a": m}}); again.shards[0].resources[0] != living.shards[0].resources[0] {
		t.Error("the message of a living part was encoded again")
	}
	if len(e.kept) > 2000 {
		t.Errorf("%d messages are kept", len(e.kept))
	}
}

func TestAPartsChangeIsFoundOnceForAllProxies(t *testing.T) {
	e := NewEncoder()
	shared, own := Set{testType: {}}, func(n int) *Part { return mustPart(t, e, Set{testType: {fmt.Sprintf("own-%d", n): say("%d", n)}}) }
	for i := range 100 {
		shared[testType][fmt.Sprintf("shared-%02d", i)] = say("%d", i)
	}
	before, mine, yours := mustPart(t, e, shared), own(1), own(2)
	shared[testType]["shared-07"] = say("changed")
	after := mustPart(t, e, shared)
	var lists [][]string
	for _, o := range []*Part{mine, yours} {
		old := newEncoded([]*Part{before, o}, nil)
		lists = append(lists, changed(old.group(testType), newEncoded([]*Part{after, o}, old).group(testType)))
	}
	if len(lists[0]) != 1 || lists[0][0] != "shared-07" || &lists[0][0] != &lists[1][0] {
		t.Errorf("%v, %v", lists[0], lists[1])
	}
}

func TestAnEqualPartIsTheOneBefore(t *testing.T) {
	part := func() *Part { return mustPart(t, NewEncoder(), Set{testType: {"a": say("1")}}) }
	first := newEncoded([]*Part{part()}, nil)
	if again := newEncoded([]*Part{part()}, first); again.group(testType) != first.group(testType) {
		t.Error("equal resources are another group")
	}
}

// A proxy that has a set, and the sets that came before, keep no old parts.
func TestOvertakenPartsAreLetGo(t *testing.T) {
	w := newWire(t)
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	var old []weak.Pointer[shard]
	for i := range 5 {
		p := mustPart(t, NewEncoder(), Set{testType: map[string]proto.Message{"a": say("%d", i)}})
		old = append(old, weak.Make(p.shards[0]))
		w.PublishParts("n", []*Part{p}, Cause{})
		c.answer(c.response(), "")
		w.event(EventSettled)
	}
	for end := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		kept := 0
		for _, p := range old {
			if p.Value() != nil {
				kept++
			}
		}
		if kept == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d of 5 parts are kept", kept)
		}
	}
}
