package relay

import (
	"log/slog"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/krater-mesh/krater/model"
)

// hearer takes in what the control plane tells the agent itself.
type hearer interface {
	ask() *discoveryv3.DeltaDiscoveryRequest
	take(*discoveryv3.DeltaDiscoveryResponse) *discoveryv3.DeltaDiscoveryRequest
}

// own is what the control plane tells the agent itself.
type own struct {
	settings *told[model.AgentSettings]
	names    *told[model.NameTable]
	secrets  *told[model.FilterSecrets]
	byType   map[string]hearer
}

func loadOwn(dir string, log *slog.Logger) own {
	o := own{
		settings: (&told[model.AgentSettings]{what: "the agent's settings", typeURL: model.TypeAgentSettings, name: model.AgentSettingsName, file: "settings.json"}).load(dir, log),
		names:    (&told[model.NameTable]{what: "the names of the mesh", typeURL: model.TypeNameTable, name: model.NameTableName, file: "names.json"}).load(dir, log),
		secrets: (&told[model.FilterSecrets]{what: "the filters' secrets", typeURL: model.TypeFilterSecrets, name: model.FilterSecretsName, file: "secrets.json",
			after: keepMissing}).load(dir, log),
	}
	o.byType = map[string]hearer{model.TypeAgentSettings: o.settings, model.TypeNameTable: o.names, model.TypeFilterSecrets: o.secrets}
	return o
}

// Settings are the newest that came, now or in an earlier run; ok is false
// before the first. changed is closed when there are others.
func (r *Relay) Settings() (s model.AgentSettings, ok bool, changed <-chan struct{}) {
	return r.own.settings.newest()
}

// Names are those of the mesh, likewise. Only a workload whose traffic is
// redirected is told them.
func (r *Relay) Names() (n model.NameTable, ok bool, changed <-chan struct{}) {
	return r.own.names.newest()
}

// FilterSecrets are the values that Envoy's filters name, likewise.
func (r *Relay) FilterSecrets() (v model.FilterSecrets, ok bool, changed <-chan struct{}) {
	return r.own.secrets.newest()
}

// keepMissing goes on with the value that there was, where the control plane
// has none now: a Secret that is taken away by mistake stops no filter. What
// is not named any more is forgotten.
func keepMissing(before, now model.FilterSecrets) model.FilterSecrets {
	for name, value := range now.Values {
		if value == nil && before.Values[name] != nil {
			now.Values[name] = before.Values[name]
		}
	}
	return now
}
