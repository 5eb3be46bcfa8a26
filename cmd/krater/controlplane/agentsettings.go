package controlplane

import (
	"encoding/json"
	"fmt"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// agentSettings keeps the part that each value is sent as: most agents have
// the same.
type agentSettings struct {
	kept, used map[string]*serve.Part
}

// of gives a function that gives a workload's part.
func (a *agentSettings) of(s *model.Snapshot, e *serve.Encoder) func(model.Workload) (*serve.Part, error) {
	a.kept, a.used = a.used, map[string]*serve.Part{}
	var usual *serve.Part
	return func(w model.Workload) (*serve.Part, error) {
		plain := w.Group == "" && w.Metrics == nil
		if plain && usual != nil {
			return usual, nil
		}
		body, err := json.Marshal(s.AgentSettings(w))
		if err != nil {
			return nil, fmt.Errorf("encoding the settings of %s's agent: %w", w.ID(), err)
		}
		part, ok := a.used[string(body)]
		if !ok {
			part, ok = a.kept[string(body)]
		}
		if !ok {
			set := serve.Set{model.TypeAgentSettings: {model.AgentSettingsName: wrapperspb.Bytes(body)}}
			if part, err = e.Part(set); err != nil {
				return nil, fmt.Errorf("encoding the settings of %s's agent: %w", w.ID(), err)
			}
		}
		if a.used[string(body)] = part; plain {
			usual = part
		}
		return part, nil
	}
}
