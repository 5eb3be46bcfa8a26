package controlplane

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// daemonSlices keeps the messages of objects that did not change: the same
// message is not encoded again.
type daemonSlices struct {
	kept, used map[string]sliced // by type and name
}

type sliced struct {
	value   any
	message proto.Message
}

// sweep forgets what was not asked for since it was last called.
func (d *daemonSlices) sweep() { d.kept, d.used = d.used, nil }

// policydSlice is policyd's part of a snapshot.
func policydSlice(d *daemonSlices, s *model.Snapshot) (serve.Set, error) {
	set := serve.Set{model.TypeRegoPolicy: {}}
	for _, p := range s.Rego {
		if err := d.add(set, model.TypeRegoPolicy, p.Object.Key(), p.Asked()); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// collectorSlice is the collector's part of a snapshot.
func collectorSlice(d *daemonSlices, s *model.Snapshot) (serve.Set, error) {
	set := serve.Set{model.TypeTelemetryRule: {}, model.TypeTelemetryBackend: {}, model.TypeWorkload: {}, model.TypeAttributeSet: {}, model.TypePolicyReads: {}}
	for _, p := range s.Rego {
		if err := d.add(set, model.TypePolicyReads, p.Object.Key(), p.Recorded()); err != nil {
			return nil, err
		}
	}
	for _, p := range s.Authorization {
		if err := d.add(set, model.TypePolicyReads, p.Object.String(), p.Recorded()); err != nil {
			return nil, err
		}
	}
	for _, r := range s.Telemetry {
		if err := d.add(set, model.TypeTelemetryRule, r.Object.Key(), r); err != nil {
			return nil, err
		}
	}
	for _, b := range s.Backends {
		if err := d.add(set, model.TypeTelemetryBackend, b.Object.Key(), b); err != nil {
			return nil, err
		}
	}
	for _, w := range s.Workloads {
		w.Process = nil // a program's environment is nobody's but the agent's
		if err := d.add(set, model.TypeWorkload, w.ID(), w); err != nil {
			return nil, err
		}
	}
	for _, a := range s.Attributes {
		if err := d.add(set, model.TypeAttributeSet, a.Object.Key(), a); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func (d *daemonSlices) add(set serve.Set, typeURL, name string, value any) error {
	key := typeURL + " " + name
	k, ok := d.kept[key]
	if !ok || !reflect.DeepEqual(k.value, value) {
		body, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("encoding %s: %w", name, err)
		}
		k = sliced{value, wrapperspb.Bytes(body)}
	}
	if d.used == nil {
		d.used = map[string]sliced{}
	}
	d.used[key] = k
	set[typeURL][name] = k.message
	return nil
}
