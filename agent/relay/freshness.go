package relay

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/model"
)

// freshness is how a conversation keeps Envoy told since when it has the
// newest. It is dated by when the control plane was asked, on this machine's
// clock: an answer that lay somewhere for an hour makes nothing young.
type freshness struct {
	every  time.Duration // between two questions; 0: no policy needs to know
	next   *time.Timer
	number int         // of the newest question
	asked  []time.Time // when that was, and those before it, of which none is answered
}

// leastBetween is the least time between two questions, mostOpen how many are
// waited for: the control plane answers the newest that it knows.
const (
	leastBetween = 200 * time.Millisecond
	mostOpen     = 16
)

// dated is the resource of freshness with the time in it, and any other as it
// is. An Envoy that never heard compares with the year 1.
func (c *conversation) dated(r *discoveryv3.Resource) (*discoveryv3.Resource, error) {
	if r.GetName() != model.FreshnessName {
		return r, nil
	}
	slot, state := &corev3.TypedExtensionConfig{}, &setstatev3.Config{}
	if r.GetResource().UnmarshalTo(slot) != nil || slot.GetTypedConfig().UnmarshalTo(state) != nil {
		return r, nil // of a control plane of another kind
	}
	at := model.NeverHeard
	if heard := c.relay.heardAt(); !heard.IsZero() {
		at = heard.UTC().Format(time.RFC3339Nano)
	}
	least := time.Duration(0)
	for _, v := range state.GetOnRequestHeaders() {
		if within, ok := model.FreshWithin(v.GetObjectKey()); ok && (least == 0 || within < least) {
			least = within
		}
		if text := v.GetFormatString().GetTextFormatSource(); text != nil {
			text.Specifier = &corev3.DataSource_InlineString{InlineString: strings.ReplaceAll(text.GetInlineString(), model.NeverHeard, at)}
		}
	}
	c.askEvery(least)
	config, err := anypb.New(state)
	if err != nil {
		return nil, fmt.Errorf("dating the proxy's configuration: %w", err)
	}
	body, err := anypb.New(&corev3.TypedExtensionConfig{Name: slot.GetName(), TypedConfig: config})
	if err != nil {
		return nil, fmt.Errorf("dating the proxy's configuration: %w", err)
	}
	out := proto.CloneOf(r)
	out.Resource = body
	return out, nil
}

// askEvery follows the shortest age that a policy asks for: two questions may
// be lost before it is over.
func (c *conversation) askEvery(within time.Duration) {
	every := within / 3
	if every > 0 {
		every = max(every, leastBetween)
	}
	if every != c.fresh.every {
		c.fresh.every = every
		c.fresh.next.Reset(0)
	}
}

// askFreshness asks whether Envoy has the newest, as long as it wants to know.
func (c *conversation) askFreshness(ctx context.Context) {
	t := c.s.types[typeExtension]
	if t == nil || !t.wants(model.FreshnessName) {
		c.fresh.every = 0
	}
	if c.fresh.every == 0 {
		return
	}
	c.fresh.next.Reset(c.fresh.every)
	if c.up {
		c.fresh.number++
		c.fresh.asked = append(c.fresh.asked[max(0, len(c.fresh.asked)+1-mostOpen):], time.Now())
		c.push(ctx, &discoveryv3.DeltaDiscoveryRequest{TypeUrl: model.TypeFreshness, ResourceNamesSubscribe: []string{strconv.Itoa(c.fresh.number)}})
	}
}

// freshened takes an answer in, and tells Envoy.
func (c *conversation) freshened(res *discoveryv3.DeltaDiscoveryResponse) error {
	for _, name := range res.GetRemovedResources() {
		number, err := strconv.Atoi(name)
		open := c.fresh.number - number // questions asked since
		if err != nil || open < 0 || open >= len(c.fresh.asked) {
			continue
		}
		at := len(c.fresh.asked) - open
		c.relay.hears(c.fresh.asked[at-1])
		c.fresh.asked = c.fresh.asked[at:]
		return c.date()
	}
	return nil
}

// date sends Envoy the resource of freshness anew.
func (c *conversation) date() error {
	t := c.s.types[typeExtension]
	if t == nil || t.has[model.FreshnessName] == nil {
		return nil
	}
	if len(t.flights) > 0 {
		c.restand = true
		return nil
	}
	return c.send(c.s.send(t, &flight{resources: []*discoveryv3.Resource{t.has[model.FreshnessName]}, again: true}))
}

// met dates what an Envoy that starts is given, or the first that is heard at
// all, by when the link was opened: it is the newest.
func (c *conversation) met() {
	if !c.heard && (c.link.number == 1 || c.relay.heardAt().IsZero()) {
		c.relay.hears(c.opened)
	}
}

func (r *Relay) hears(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.After(r.heard) {
		r.heard = at
	}
}

func (r *Relay) heardAt() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard
}
