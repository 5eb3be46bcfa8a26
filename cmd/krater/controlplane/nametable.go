package controlplane

import (
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
)

// nameTables keeps the parts that names are sent as: all workloads that see
// the same of the mesh have one, and as long as nothing changed that is in it
// it is the one before.
type nameTables struct {
	services []*model.Service
	sidecars []*model.Sidecar
	headless []*model.ServiceEndpoints
	made     map[nameTableOf]*serve.Part
}

// nameTableOf is who sees the same.
type nameTableOf struct {
	namespace string
	sidecar   *model.Sidecar
}

// of gives a function that gives a workload's part; nil: it has none.
func (n *nameTables) of(s *model.Snapshot, eps model.Endpoints, e *serve.Encoder) func(model.Workload) (*serve.Part, error) {
	var headless []*model.ServiceEndpoints
	for _, service := range s.Services {
		if service.Headless {
			headless = append(headless, eps.Find(service.Key()))
		}
	}
	if !slices.Equal(n.services, s.Services) || !slices.Equal(n.sidecars, s.Sidecars) || !slices.Equal(n.headless, headless) {
		n.services, n.sidecars, n.headless, n.made = s.Services, s.Sidecars, headless, map[nameTableOf]*serve.Part{}
	}
	return func(w model.Workload) (*serve.Part, error) {
		if w.Interception != model.InterceptByRedirect || w.Gateway {
			return nil, nil
		}
		key := nameTableOf{w.Namespace, s.SidecarFor(w)}
		if part := n.made[key]; part != nil {
			return part, nil
		}
		body, err := json.Marshal(s.NameTable(w, eps))
		if err != nil {
			return nil, fmt.Errorf("encoding the names that %s sees: %w", w.ID(), err)
		}
		part, err := e.Part(serve.Set{model.TypeNameTable: {model.NameTableName: wrapperspb.Bytes(body)}})
		if err != nil {
			return nil, fmt.Errorf("encoding the names that %s sees: %w", w.ID(), err)
		}
		n.made[key] = part
		return part, nil
	}
}
