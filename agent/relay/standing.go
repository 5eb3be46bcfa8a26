package relay

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

// local gives a resource as Envoy is to have it on this machine.
func (c *conversation) local(r *discoveryv3.Resource) (*discoveryv3.Resource, error) {
	r, err := c.dated(r)
	if err != nil {
		return nil, err
	}
	stands, err := c.relay.o.Filters.Stand(r)
	if err != nil {
		return nil, err
	}
	if c.relay.o.Secrets != nil {
		values, _, _ := c.relay.FilterSecrets()
		if stands, err = c.relay.o.Secrets.Seal(stands, values); err != nil {
			return nil, err
		}
	}
	out, err := c.relay.o.Modules.Localize(stands)
	if err != nil {
		return nil, fmt.Errorf("naming the modules of %s: %w", r.GetName(), err)
	}
	return out, nil
}

// stood notes how a filter's resource was sent.
func (c *conversation) stood(typeURL string, r, local *discoveryv3.Resource) {
	if typeURL != typeExtension {
		return
	}
	c.relay.o.Filters.Sent(r)
	c.standing[r.GetName()] = digestOf(local)
	for _, digest := range c.relay.o.Modules.Missing(r) {
		c.lack(digest)
	}
}

func digestOf(r *discoveryv3.Resource) [sha256.Size]byte {
	text, _ := proto.MarshalOptions{Deterministic: true}.Marshal(r.GetResource()) // it was decoded before
	return sha256.Sum256(text)
}

// standAgain sends Envoy again what it has and what stands otherwise now. While
// it has not answered something newer, that is waited for.
func (c *conversation) standAgain() error {
	t := c.s.types[typeExtension]
	if t == nil {
		return nil
	}
	if c.restand = len(t.flights) > 0; c.restand {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(t.has)) {
		r := t.has[name]
		local, err := c.local(r)
		if err != nil {
			return err
		}
		if was, sent := c.standing[name]; sent && was != digestOf(local) {
			if err := c.send(c.s.send(t, &flight{resources: []*discoveryv3.Resource{r}, again: true})); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow has the filters' keeper know what Envoy answered.
func (c *conversation) follow(t *subscription, answered *flight, req *discoveryv3.DeltaDiscoveryRequest) error {
	if t.typeURL != typeExtension {
		return nil
	}
	if answered != nil && req.GetErrorDetail() == nil {
		var took []string
		for _, r := range answered.resources {
			took = append(took, r.GetName())
		}
		c.relay.o.Filters.Took(took)
		c.relay.o.Filters.Removed(answered.removed)
	}
	c.relay.o.Filters.Removed(req.GetResourceNamesUnsubscribe())
	if c.restand {
		return c.standAgain()
	}
	return nil
}
