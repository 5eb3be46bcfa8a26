package serve

import (
	"context"
	"slices"
	"strings"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func names(res *discovery.DeltaDiscoveryResponse) []string {
	var out []string
	for _, r := range res.GetResources() {
		out = append(out, r.GetName())
	}
	slices.Sort(out)
	return out
}

func want(t *testing.T, res *discovery.DeltaDiscoveryResponse, changed, removed string) {
	t.Helper()
	if got := strings.Join(names(res), " "); got != changed {
		t.Errorf("changed %q, want %q", got, changed)
	}
	if got := strings.Join(res.GetRemovedResources(), " "); got != removed {
		t.Errorf("removed %q, want %q", got, removed)
	}
}

func TestOnlyChangedBytesAreSent(t *testing.T) {
	w := newWire(t)
	w.publish("n", things(map[string]string{"a": "1", "b": "1"}))
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	res := c.response()
	want(t, res, "a b", "")
	c.answer(res, "")
	w.event(EventSettled)
	w.publish("n", things(map[string]string{"a": "1", "b": "2", "c": "1"}))
	res = c.response()
	want(t, res, "b c", "")
	c.answer(res, "")
	w.publish("n", things(map[string]string{"c": "1"}))
	want(t, c.response(), "", "a b")
}

func TestAnEmptySetIsAnswered(t *testing.T) {
	w := newWire(t)
	w.publish("n", Set{})
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: TypeCluster})
	want(t, c.response(), "", "")
}

// A proxy without listeners waits for that word before it is live.
func TestAnEmptyTypeBesideOthersIsAnswered(t *testing.T) {
	w := newWire(t)
	w.publish("n", Set{TypeCluster: {"c": say("x")}, TypeListener: {}})
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: TypeCluster})
	res := c.response()
	c.ask(TypeListener)
	c.answer(res, "")
	want(t, c.response(), "", "")
}

func TestUnknownNamesAreAnswered(t *testing.T) {
	w := newWire(t)
	w.publish("n", Set{TypeExtensionConfig: {"known": say("x")}})
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: TypeExtensionConfig, ResourceNamesSubscribe: []string{"known", "unknown"}})
	res := c.response()
	want(t, res, "known", "unknown")
	c.answer(res, "")
	c.ask(TypeExtensionConfig, "unknown") // asked again, answered again
	res = c.response()
	want(t, res, "", "unknown")
	c.answer(res, "")
	w.publish("n", Set{TypeExtensionConfig: {"known": say("x"), "unknown": say("y")}})
	want(t, c.response(), "unknown", "")
}

func TestARefusedResourceIsFoundAndNotSentAgain(t *testing.T) {
	w := newWire(t)
	w.publish("n", things(map[string]string{"a": "1", "b": "bad", "c": "1"}))
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	for settled := false; !settled; {
		select {
		case res := <-c.in:
			if slices.Contains(names(res), "b") {
				c.answer(res, "b is bad")
			} else {
				c.answer(res, "")
			}
		case e := <-w.events:
			settled = e.Kind == EventSettled
			if settled && !slices.Equal(e.Names, []string{"b"}) {
				t.Errorf("settled but for %v", e.Names)
			}
		}
	}
	st := w.Status()[0].Types[testType]
	if st.State != StateNack || st.Detail != "b: b is bad" || st.Count != 2 {
		t.Errorf("status %+v", st)
	}
	w.publish("n", things(map[string]string{"a": "2", "b": "bad", "c": "1"}))
	res := c.response()
	want(t, res, "a", "")
	c.answer(res, "")
	w.publish("n", things(map[string]string{"a": "2", "b": "good", "c": "1"}))
	res = c.response()
	want(t, res, "b", "")
	c.answer(res, "")
	w.until("n", "synced", func(s ClientStatus) bool { return s.Types[testType].State == StateSynced })
}

// Envoy acknowledges a filter's refused bytes when it gets them a second time.
func TestAFilterIsSentAloneAndItsRefusedBytesNeverTwice(t *testing.T) {
	w := newWire(t)
	filters := func(b string) Set { return Set{TypeExtensionConfig: {"a": say("1"), "b": say("%s", b), "c": say("1")}} }
	w.publish("n", filters("good"))
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: TypeExtensionConfig, ResourceNamesSubscribe: []string{"a", "b", "c", "unknown"}})
	sent := map[string]int{}
	for len(sent) < 4 {
		res := c.response()
		if len(res.Resources) > 1 {
			t.Fatalf("%v in one response", names(res))
		}
		for _, name := range append(names(res), res.RemovedResources...) {
			sent[name]++
		}
		c.answer(res, "")
	}
	for range 2 {
		w.publish("n", filters("bad"))
		res := c.response()
		want(t, res, "b", "")
		c.answer(res, "b is bad")
		w.until("n", "refused", func(s ClientStatus) bool { return s.Types[TypeExtensionConfig].State == StateNack })
		w.publish("n", filters("good")) // again, as the proxy has noted the bad one
		res = c.response()
		want(t, res, "b", "")
		c.answer(res, "")
		w.until("n", "synced", func(s ClientStatus) bool { return s.Types[TypeExtensionConfig].State == StateSynced })
	}
}

func TestAReconnectionSendsNothingThatIsThere(t *testing.T) {
	w := newWire(t)
	w.publish("n", things(map[string]string{"a": "1", "b": "1"}))
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	versions := map[string]string{"old": "of another server"}
	for _, r := range c.response().GetResources() {
		versions[r.GetName()] = r.GetVersion()
	}
	c.close()
	w.event(EventDisconnected)
	c = w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType, InitialResourceVersions: versions})
	res := c.response()
	want(t, res, "", "old")
	c.answer(res, "")
	w.until("n", "synced", func(s ClientStatus) bool { return s.Types[testType].State == StateSynced })
}

func TestASlowProxyHoldsNobody(t *testing.T) {
	w := newWire(t)
	big := strings.Repeat("x", 1<<20)
	slow := w.open("slow", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	w.event(EventConnected)
	quick := w.open("quick", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	for i := range 20 {
		text := big + strings.Repeat("y", i)
		if err := w.PublishTo([]string{"slow", "quick"}, things(map[string]string{"a": text}), Cause{}); err != nil {
			t.Fatal(err)
		}
		res := quick.response()
		want(t, res, "a", "")
		quick.answer(res, "")
		w.until("quick", "synced", func(s ClientStatus) bool { return s.Types[testType].State == StateSynced })
	}
	res := slow.response() // the first that was sent; all but the last of the rest were overtaken
	slow.answer(res, "")
	last := slow.response()
	if got := len(textOf(last.GetResources()[0].GetResource())); got != 1<<20+19 {
		t.Errorf("after the first came a resource of %d bytes, not the newest", got)
	}
}

func TestANodeWithoutASetIsHeldAndShown(t *testing.T) {
	w := newWire(t)
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	w.until("n", "unknown", func(s ClientStatus) bool {
		return s.Connected && !s.Known && s.Types[testType].State == StateNotSent
	})
	w.publish("n", things(map[string]string{"a": "1"}))
	res := c.response()
	want(t, res, "a", "")
	c.answer(res, "")
	w.event(EventSettled)
	w.Forget("n")
	w.until("n", "unknown again", func(s ClientStatus) bool { return s.Connected && !s.Known })
}

func TestASecondStreamSpeaksForItsNode(t *testing.T) {
	w := newWire(t)
	w.publish("n", things(map[string]string{"a": "1"}))
	first := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	res := first.response()
	first.answer(res, "")
	w.event(EventSettled)
	second := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	res = second.response()
	want(t, res, "a", "")
	w.until("n", "stale", func(s ClientStatus) bool { return s.Types[testType].State == StateStale })
	first.close()
	w.event(EventDisconnected)
	w.until("n", "stale still", func(s ClientStatus) bool { return s.Connected && s.Types[testType].State == StateStale })
	second.answer(res, "")
	w.until("n", "synced", func(s ClientStatus) bool { return s.Types[testType].State == StateSynced })
}

func TestStatusAfterADisconnection(t *testing.T) {
	w := newWire(t)
	w.publish("n", things(map[string]string{"a": "1"}))
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	c.answer(c.response(), "")
	w.event(EventSettled)
	c.close()
	w.event(EventDisconnected)
	w.until("n", "gone", func(s ClientStatus) bool {
		return !s.Connected && s.Types[testType].State == StateStale && s.Types[testType].Detail == "not connected"
	})
}

func TestEventsCarryTheirCauses(t *testing.T) {
	w := newWire(t)
	w.publish("n", things(map[string]string{"a": "1"}))
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	first := c.response()
	for _, edit := range []string{"second", "third"} { // both while the first is on its way
		if err := w.Publish("n", things(map[string]string{"a": edit}), Cause{Edit: edit}); err != nil {
			t.Fatal(err)
		}
	}
	c.answer(first, "")
	c.answer(c.response(), "")
	e := w.event(EventSettled)
	var edits []string
	for _, cause := range e.Causes {
		edits = append(edits, cause.Edit)
	}
	if !slices.Contains(edits, "third") || e.Duration <= 0 {
		t.Errorf("settled for %v after %s", edits, e.Duration)
	}
}

func TestAResourceThatCannotBeEncodedChangesNothing(t *testing.T) {
	w := newWire(t)
	w.publish("n", things(map[string]string{"a": "1"}))
	bad := Set{testType: map[string]proto.Message{"a": say("\xff")}}
	if err := w.Publish("n", bad, Cause{}); err == nil || !strings.Contains(err.Error(), `publishing for n: Thing: encoding resource "a"`) {
		t.Errorf("error %v", err)
	}
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	want(t, c.response(), "a", "")
}

func TestOnlyTheDeltaProtocolIsSpoken(t *testing.T) {
	w := newWire(t)
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(w.dial()).StreamAggregatedResources(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "DELTA_GRPC") {
		t.Errorf("error %v", err)
	}
}

func TestAStreamMustNameItsNode(t *testing.T) {
	w := newWire(t)
	c := w.open("", &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
	if res, ok := <-c.in; ok {
		t.Errorf("it is answered with %v", res)
	}
}
