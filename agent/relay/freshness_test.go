package relay

import (
	"context"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/model"
)

// freshnessSlot is what a policy's age makes of a chain's slot.
func freshnessSlot(t *testing.T, ages ...model.Duration) *discoveryv3.Resource {
	t.Helper()
	packed := func(m proto.Message) *anypb.Any {
		out, err := anypb.New(m)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	state := &setstatev3.Config{}
	for _, age := range ages {
		text := `%CEL(request.time < timestamp("` + model.NeverHeard + `") + duration("` + age.Std().String() + `"))%`
		state.OnRequestHeaders = append(state.OnRequestHeaders, &statev3.FilterStateValue{
			Key: &statev3.FilterStateValue_ObjectKey{ObjectKey: model.FreshState(age)},
			Value: &statev3.FilterStateValue_FormatString{FormatString: &corev3.SubstitutionFormatString{
				Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: &corev3.DataSource{
					Specifier: &corev3.DataSource_InlineString{InlineString: text}}}}}})
	}
	chain := &filterchainv3.FilterChainConfig{DefaultFilterChain: &filterchainv3.FilterChain{
		Filters: []*corev3.TypedExtensionConfig{{Name: "f", TypedConfig: packed(state)}}}}
	const name = "inbound/" + model.FreshnessSlot
	return &discoveryv3.Resource{Name: name, Resource: packed(&corev3.TypedExtensionConfig{Name: name, TypedConfig: packed(chain)})}
}

// TestAnAnswerIsDatedByItsQuestion: one that lay somewhere makes nothing young.
func TestAnAnswerIsDatedByItsQuestion(t *testing.T) {
	c := newConversation(New(Options{Node: &corev3.Node{Id: node}, Dir: t.TempDir()}), nil)
	c.link = &link{number: 1, out: make(chan *discoveryv3.DeltaDiscoveryRequest, 10)}
	c.up, c.greeted = true, true
	slot := freshnessSlot(t, model.Duration(time.Minute), model.Duration(9*time.Second))
	c.s.types[typeExtension] = newSubscription(typeExtension)
	c.s.types[typeExtension].subscribe([]string{slot.GetName()})
	says := func(at string) {
		t.Helper()
		before := proto.CloneOf(slot)
		out, err := c.dated(slot)
		if err != nil || !proto.Equal(before, slot) {
			t.Fatal("the slot itself is changed, or: ", err)
		}
		if n := strings.Count(string(out.GetResource().GetValue()), `timestamp("`+at+`")`); n != 2 {
			t.Errorf("the time %s is there %d times in %s", at, n, out)
		}
	}
	says(model.NeverHeard)
	if c.fresh.every != 3*time.Second {
		t.Errorf("it asks every %s, want a third of the shortest age", c.fresh.every)
	}
	for range 3 {
		c.askFreshness(context.Background())
	}
	var asked []string
	for range 3 {
		asked = append(asked, (<-c.link.out).GetResourceNamesSubscribe()...)
	}
	times := append([]time.Time(nil), c.fresh.asked...)
	answer := func(name string) {
		t.Helper()
		if err := c.freshened(&discoveryv3.DeltaDiscoveryResponse{TypeUrl: model.TypeFreshness, RemovedResources: []string{name}}); err != nil {
			t.Fatal(err)
		}
	}
	text := func(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
	answer(asked[1])
	says(text(times[1]))
	answer(asked[0])
	answer("7")
	answer("-1")
	answer("x")
	says(text(times[1]))
	answer(asked[2])
	says(text(times[2]))

	c.s.types[typeExtension].unsubscribe([]string{slot.GetName()})
	c.askFreshness(context.Background())
	if c.fresh.every != 0 || len(c.link.out) != 0 {
		t.Error("it asks though Envoy does not want to know")
	}
	other := resource(t, "inbound/authorization", "1")
	if out, err := c.dated(other); err != nil || out != other {
		t.Error("another resource is changed")
	}
}
