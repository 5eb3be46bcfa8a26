package relay

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
)

// withSettings is a set with the agent's own resource.
func withSettings(t *testing.T, n int, text []byte) serve.Set {
	t.Helper()
	set := one(n)
	set[model.TypeAgentSettings] = map[string]proto.Message{model.AgentSettingsName: wrapperspb.Bytes(text)}
	return set
}

func draining(seconds int) (model.AgentSettings, []byte) {
	s := model.AgentSettings{Drain: model.Duration(time.Duration(seconds) * time.Second), Probe: &model.Probe{Exec: []string{"true"}}}
	text, _ := json.Marshal(s)
	return s, text
}

func TestTheAgentsSettingsAreKeptAndFollowed(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	_, first := draining(1)
	p.publish(withSettings(t, 1, first))
	p.start()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good")}
	target, r, stop := relayAt(t, o)
	want := func(r *Relay, seconds int) {
		t.Helper()
		s, _ := draining(seconds)
		eventually(t, "the settings", func() string {
			if got, ok, _ := r.Settings(); !ok || model.Hash(got) != model.Hash(s) {
				return fmt.Sprintf("%v %+v", ok, got)
			}
			return ""
		})
	}
	if _, ok, _ := r.Settings(); ok {
		t.Error("there are some before anybody asked")
	}
	e := startEnvoy(t, target)
	want(r, 1)
	eventually(t, "Envoy's configuration", func() string { return e.difference(one(1)) })

	_, _, changed := r.Settings()
	_, second := draining(2)
	p.publish(withSettings(t, 1, second))
	<-changed
	want(r, 2)

	p.publish(withSettings(t, 2, []byte("{")))
	eventually(t, "a refusal", func() string {
		if len(p.nacked()) == 0 {
			return "none"
		}
		return ""
	})
	want(r, 2)

	p.stop()
	stop()
	_, again, _ := relayAt(t, o)
	want(again, 2) // without a control plane, and without Envoy
}
