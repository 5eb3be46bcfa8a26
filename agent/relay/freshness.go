package relay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/agent/wasm"
	"github.com/krater-mesh/krater/model"
)

// freshness is how a conversation keeps Envoy told since when it has the
// newest. It is dated by when the control plane was asked, on this machine's
// clock: an answer that lay somewhere for an hour makes nothing young.
type freshness struct {
	within map[string]time.Duration // the ages that slots ask for
	every  time.Duration            // between two questions; 0: no policy needs to know
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

// dated is a slot of freshness with the time in it, and any other resource as
// it is. An Envoy that never heard compares with the year 1.
func (c *conversation) dated(r *discoveryv3.Resource) (*discoveryv3.Resource, error) {
	if !strings.HasSuffix(r.GetName(), "/"+model.FreshnessSlot) {
		return r, nil
	}
	at := model.NeverHeard
	if heard := c.relay.heardAt(); !heard.IsZero() {
		at = heard.UTC().Format(time.RFC3339Nano)
	}
	out, least := proto.CloneOf(r), time.Duration(0)
	err := wasm.Each(out, func(state *setstatev3.Config) error {
		for _, v := range state.GetOnRequestHeaders() {
			if within, ok := model.FreshWithin(v.GetObjectKey()); ok && (least == 0 || within < least) {
				least = within
			}
			if text := v.GetFormatString().GetTextFormatSource(); text != nil {
				text.Specifier = &corev3.DataSource_InlineString{InlineString: strings.ReplaceAll(text.GetInlineString(), model.NeverHeard, at)}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("dating the proxy's configuration: %w", err)
	}
	c.wants(r.GetName(), least)
	return out, nil
}

// wants notes the age that a slot asks for, 0 for none.
func (c *conversation) wants(slot string, within time.Duration) {
	delete(c.fresh.within, slot)
	if within > 0 {
		c.fresh.within[slot] = within
	}
	c.askEvery()
}

// askEvery follows the shortest age: two questions may be lost before it is
// over.
func (c *conversation) askEvery() {
	every := time.Duration(0)
	for _, within := range c.fresh.within {
		if every == 0 || within/3 < every {
			every = within / 3
		}
	}
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
	maps.DeleteFunc(c.fresh.within, func(slot string, _ time.Duration) bool { return t == nil || !t.wants(slot) })
	if c.askEvery(); c.fresh.every == 0 {
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

// date sends Envoy the slots of freshness anew.
func (c *conversation) date() error {
	t := c.s.types[typeExtension]
	if c.restand = t != nil && len(t.flights) > 0; c.restand || t == nil {
		return nil
	}
	for _, slot := range slices.Sorted(maps.Keys(c.fresh.within)) {
		if r := t.has[slot]; r != nil {
			if err := c.send(c.s.send(t, &flight{resources: []*discoveryv3.Resource{r}, again: true})); err != nil {
				return err
			}
		}
	}
	return nil
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
