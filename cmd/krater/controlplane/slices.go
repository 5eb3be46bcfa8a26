package controlplane

import (
	"encoding/json"
	"fmt"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// policydSlice is policyd's part of a snapshot.
func policydSlice(s *model.Snapshot) (serve.Set, error) {
	set := serve.Set{model.TypeRegoPolicy: {}}
	for _, p := range s.Rego {
		if err := add(set, model.TypeRegoPolicy, p.Object.Key(), p); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// collectorSlice is the collector's part of a snapshot.
func collectorSlice(s *model.Snapshot) (serve.Set, error) {
	set := serve.Set{model.TypeTelemetryRule: {}, model.TypeTelemetryBackend: {}, model.TypeWorkload: {}, model.TypeAttributeSet: {}}
	for _, r := range s.Telemetry {
		if err := add(set, model.TypeTelemetryRule, r.Object.Key(), r); err != nil {
			return nil, err
		}
	}
	for _, b := range s.Backends {
		if err := add(set, model.TypeTelemetryBackend, b.Object.Key(), b); err != nil {
			return nil, err
		}
	}
	for _, w := range s.Workloads {
		w.Process = nil // a program's environment is nobody's but the agent's
		if err := add(set, model.TypeWorkload, w.ID(), w); err != nil {
			return nil, err
		}
	}
	for _, a := range s.Attributes {
		if err := add(set, model.TypeAttributeSet, a.Object.Key(), a); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func add(set serve.Set, typeURL, name string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", name, err)
	}
	set[typeURL][name] = proto.Message(wrapperspb.Bytes(body))
	return nil
}
