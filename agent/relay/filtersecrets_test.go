package relay

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// A value that the control plane has no more stays, also on disk; one that no
// filter names any more is forgotten.
func TestAValueThatIsMissingStays(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	publish := func(text string) {
		set := one(1)
		set[model.TypeFilterSecrets] = map[string]proto.Message{model.FilterSecretsName: wrapperspb.Bytes([]byte(text))}
		p.publish(set)
	}
	publish(`{"values":{"m/n/a":"b25l","m/n/b":"dHdv"}}`)
	p.start()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good")}
	target, r, stop := relayAt(t, o)
	startEnvoy(t, target)
	want := func(r *Relay, want string) {
		t.Helper()
		eventually(t, "the values", func() string {
			got, _, _ := r.FilterSecrets()
			var all []string
			for _, name := range slices.Sorted(maps.Keys(got.Values)) {
				all = append(all, fmt.Sprintf("%s=%s", name, got.Values[name]))
			}
			if have := strings.Join(all, " "); have != want {
				return fmt.Sprintf("%q", have)
			}
			return ""
		})
	}
	want(r, "m/n/a=one m/n/b=two")
	publish(`{"values":{"m/n/a":null,"m/n/b":"","m/n/c":null}}`)
	want(r, "m/n/a=one m/n/b= m/n/c=")
	publish(`{"values":{"m/n/a":null}}`)
	want(r, "m/n/a=one")

	p.stop()
	stop()
	file := filepath.Join(dir, "good", "secrets.json")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "dHdv") {
		t.Errorf("%s, %v", text, err)
	}
	_, again, _ := relayAt(t, o)
	want(again, "m/n/a=one")
}

// tells puts the value of m/n/k in the place of the word SECRET.
type tells struct{}

func (tells) Seal(r *discoveryv3.Resource, v model.FilterSecrets) (*discoveryv3.Resource, error) {
	if !strings.Contains(text(r), "SECRET") || v.Values["m/n/k"] == nil {
		return r, nil
	}
	a, err := anypb.New(&corev3.TypedExtensionConfig{Name: "sealed " + string(v.Values["m/n/k"])})
	return &discoveryv3.Resource{Name: r.GetName(), Version: r.GetVersion(), Resource: a}, err
}

// Another value is another configuration to Envoy, though the control plane's
// resource is the same; what is kept has the reference. A value that Envoy's
// filter refuses changes nothing.
func TestAnotherValueIsSentToEnvoy(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	publish := func(value string) {
		set := slotted("SECRET")
		set[model.TypeFilterSecrets] = map[string]proto.Message{model.FilterSecretsName: wrapperspb.Bytes([]byte(`{"values":{"m/n/k":"` + value + `"}}`))}
		p.publish(set)
	}
	publish("b25l")
	p.start()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good"), Secrets: tells{}}
	target, _, stop := relayAt(t, o)
	e := startEnvoy(t, target)
	has := func(e *envoy, text string) {
		t.Helper()
		eventually(t, "what Envoy has", func() string { return e.difference(slotted(text)) })
	}
	has(e, "sealed one")
	publish("dHdv")
	has(e, "sealed two")
	publish("YmFk") // "bad", which Envoy refuses
	publish("dGhyZWU=")
	has(e, "sealed three")
	kept(t, o.Dir, slotted("SECRET"))

	e.kill()
	p.stop()
	stop()
	target, _, _ = relayAt(t, o)
	has(startEnvoy(t, target), "sealed three") // from the disk
}
