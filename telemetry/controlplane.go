package telemetry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/subscribe"
)

// types are what the collector subscribes to. The backends come last: only
// they can be refused.
var types = []string{model.TypeWorkload, model.TypeAttributeSet, model.TypePolicyReads, model.TypeTelemetryRule, model.TypeTelemetryBackend}

// controlPlane is the Source that subscribes to the control plane.
type controlPlane struct {
	options Options
	known   map[string]map[string][]byte // by type and name
}

var _ Source = (*controlPlane)(nil)

// Run implements Source. Nothing is applied before each type is known: a
// count that begins without the workloads would stay with "unknown".
func (p *controlPlane) Run(ctx context.Context, apply func(Slice) error) error {
	p.known = map[string]map[string][]byte{}
	client := subscribe.New(subscribe.Options{
		Target: p.options.ControlPlane, Node: model.NodeCollector, Types: types,
		Dir: filepath.Join(p.options.StateDir, "last-good"), Logger: p.options.Logger,
		Dial: p.options.Network.Dial,
	})
	return client.Run(ctx, func(u subscribe.Update) error { return p.take(u, apply) })
}

// take merges an update and applies the slice, once all of it is known.
func (p *controlPlane) take(u subscribe.Update, apply func(Slice) error) error {
	p.merge(u)
	if len(p.known) < len(types) {
		return nil
	}
	s, err := p.slice()
	if err != nil {
		return err
	}
	return apply(s)
}

// merge takes in what changed. A refused update stays merged: its good
// objects are in force, and the bad ones may come good (a port gets free).
func (p *controlPlane) merge(u subscribe.Update) {
	if p.known[u.Type] == nil {
		p.known[u.Type] = map[string][]byte{}
	}
	for _, name := range u.Changed {
		p.known[u.Type][name] = u.Resources[name]
	}
	for _, name := range u.Removed {
		delete(p.known[u.Type], name)
	}
}

// slice decodes what is known, each list ordered by name.
func (p *controlPlane) slice() (Slice, error) {
	workloads, err1 := decode[model.Workload](p.known[model.TypeWorkload])
	attributes, err2 := decode[model.AttributeSet](p.known[model.TypeAttributeSet])
	rules, err3 := decode[model.TelemetryRule](p.known[model.TypeTelemetryRule])
	backends, err4 := decode[model.TelemetryBackend](p.known[model.TypeTelemetryBackend])
	reads, err5 := decode[model.PolicyReads](p.known[model.TypePolicyReads])
	return Slice{workloads, rules, backends, attributes, reads}, cmp.Or(err1, err2, err3, err4, err5)
}

func decode[T any](resources map[string][]byte) ([]T, error) {
	var out []T
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		var v T
		if err := json.Unmarshal(resources[name], &v); err != nil {
			return nil, fmt.Errorf("decoding %T %s: %w", v, name, err)
		}
		out = append(out, v)
	}
	return out, nil
}
