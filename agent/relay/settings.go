package relay

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// settingsFile holds the newest settings, beside what Envoy took.
const settingsFile = "settings.json"

// settings are what the control plane tells the agent itself. Envoy never sees
// them, and their absence keeps nobody waiting.
type settings struct {
	value   model.AgentSettings
	known   bool
	changed chan struct{} // closed at the next change
}

// Settings are the newest that came, now or in an earlier run; ok is false
// before the first. changed is closed when there are others.
func (r *Relay) Settings() (s model.AgentSettings, ok bool, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settings.value, r.settings.known, r.settings.changed
}

// loadSettings reads those of an earlier run. What cannot be read comes anew.
func loadSettings(dir string) settings {
	s := settings{changed: make(chan struct{})}
	text, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if err == nil {
		s.known = json.Unmarshal(text, &s.value) == nil
	}
	return s
}

func askSettings() *discoveryv3.DeltaDiscoveryRequest {
	return &discoveryv3.DeltaDiscoveryRequest{TypeUrl: model.TypeAgentSettings, ResourceNamesSubscribe: []string{model.AgentSettingsName}}
}

// takeSettings takes a response in, and gives the answer to it.
func (r *Relay) takeSettings(res *discoveryv3.DeltaDiscoveryResponse) *discoveryv3.DeltaDiscoveryRequest {
	answer := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: res.GetTypeUrl(), ResponseNonce: res.GetNonce()}
	for _, resource := range res.GetResources() {
		if resource.GetName() != model.AgentSettingsName {
			continue
		}
		s, text, err := readSettings(resource)
		if err != nil {
			r.log.Warn("the agent's settings are refused; the last good ones stay", "reason", err)
			answer.ErrorDetail = &rpcstatus.Status{Code: int32(codes.InvalidArgument), Message: err.Error()}
			continue
		}
		r.setSettings(s, text)
	}
	return answer
}

func readSettings(resource *discoveryv3.Resource) (s model.AgentSettings, text []byte, err error) {
	body := &wrapperspb.BytesValue{}
	if err := resource.GetResource().UnmarshalTo(body); err != nil {
		return s, nil, fmt.Errorf("decoding the agent's settings: %w", err)
	}
	if err := json.Unmarshal(body.GetValue(), &s); err != nil {
		return s, nil, fmt.Errorf("decoding the agent's settings: %w", err)
	}
	return s, body.GetValue(), nil
}

func (r *Relay) setSettings(s model.AgentSettings, text []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.settings.known || model.Hash(s) != model.Hash(r.settings.value) {
		r.settings.value, r.settings.known = s, true
		close(r.settings.changed)
		r.settings.changed = make(chan struct{})
	}
	if err := saveSettings(r.o.Dir, text); err != nil {
		r.log.Error("the agent's settings could not be kept", "folder", r.o.Dir, "reason", err)
	}
}

func saveSettings(dir string, text []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	next := filepath.Join(dir, "."+settingsFile)
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(dir, settingsFile))
}
