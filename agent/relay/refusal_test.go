package relay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/xds/serve"
)

// slotted is a set whose one filter slot holds a text.
func slotted(text string) serve.Set {
	s := one(1)
	s[typeExtension] = map[string]proto.Message{"s/slot": &corev3.TypedExtensionConfig{Name: text}}
	return s
}

// TestARefusedFilterStaysRefused: Envoy would acknowledge it when it comes
// again from a control plane that was started anew, and it would be kept.
func TestARefusedFilterStaysRefused(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	p.publish(slotted("good"))
	p.start()
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good")}
	target, _, _ := relayAt(t, o)
	e := startEnvoy(t, target)
	kept(t, o.Dir, slotted("good"))
	p.publish(slotted("bad"))
	refusals := func(n int) {
		t.Helper()
		eventually(t, "the control plane hears of the refusal", func() string {
			if all := p.nacked(); len(all) != n || !strings.Contains(all[n-1], "s/slot is bad") {
				return fmt.Sprint(all)
			}
			return ""
		})
	}
	refusals(1)
	p.stop()
	p.start()
	refusals(2)
	kept(t, o.Dir, slotted("good"))
	eventually(t, "the good one stays", func() string { return e.difference(slotted("good")) })
	p.publish(slotted("better"))
	eventually(t, "a better one comes", func() string { return e.difference(slotted("better")) })
	kept(t, o.Dir, slotted("better"))
}

// shelf is modules that can be had or not. A resource names the one that its
// text does.
type shelf struct {
	mu   sync.Mutex
	here map[string]bool
	had  map[string]bool // from the control plane
}

func (s *shelf) Missing(r *discoveryv3.Resource) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, word := range strings.FieldsFunc(text(r), func(r rune) bool { return r == '"' }) {
		if strings.HasPrefix(word, "module-") && !s.here[word] {
			out = append(out, word)
		}
	}
	return out
}

func (s *shelf) Fetch(_ context.Context, _ grpc.ClientConnInterface, digest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.had[digest] {
		return errors.New(digest + " cannot be had")
	}
	s.here[digest] = true
	return nil
}

func (s *shelf) Localize(r *discoveryv3.Resource) (*discoveryv3.Resource, error) { return r, nil }

func (s *shelf) put(digest string, had bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.had[digest] = had
}

func (s *shelf) forget(digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.here, digest)
	delete(s.had, digest)
}

// TestAModuleThatCannotBeHadIsARefusal: what runs stays, everything else goes
// on, an Envoy that starts is not kept waiting, and the module is taken when
// it comes.
func TestAModuleThatCannotBeHadIsARefusal(t *testing.T) {
	dir := shortDir(t)
	p := newPlane(t, dir)
	p.publish(slotted("module-1"))
	p.start()
	s := &shelf{here: map[string]bool{}, had: map[string]bool{"module-1": true}}
	o := Options{ControlPlane: p.target, Dir: filepath.Join(dir, "good"), Modules: s}
	target, _, _ := relayAt(t, o)
	e := startEnvoy(t, target)
	eventually(t, "the first module", func() string { return e.difference(slotted("module-1")) })
	kept(t, o.Dir, slotted("module-1"))

	edit := slotted("module-2")
	edit[typeCluster] = one(7)[typeCluster]
	p.publish(edit)
	eventually(t, "the control plane hears of it", func() string {
		if all := p.nacked(); len(all) == 0 || !strings.Contains(all[0], "module-2 cannot be had") {
			return fmt.Sprint(all)
		}
		return ""
	})
	without := slotted("module-1")
	without[typeCluster] = edit[typeCluster]
	eventually(t, "the rest of the edit", func() string { return e.difference(without) })
	e.kill()
	e = startEnvoy(t, target)
	eventually(t, "an Envoy that starts", func() string { return e.difference(without) })

	s.put("module-2", true)
	again := slotted("module-2")
	again[typeCluster] = one(8)[typeCluster]
	p.publish(again)
	p.stop() // or after fetchAgain
	p.start()
	eventually(t, "the module, once it can be had", func() string { return e.difference(again) })
	kept(t, o.Dir, again)

	// With the control plane away and the file gone the slot is answered as empty.
	p.stop()
	e.kill()
	s.forget("module-2")
	e = startEnvoy(t, target)
	empty := slotted("module-2")
	empty[typeCluster], empty[typeExtension] = again[typeCluster], map[string]proto.Message{}
	eventually(t, "an Envoy without the module", func() string { return e.difference(empty) })
	s.put("module-2", true)
	p.start()
	eventually(t, "the module when the control plane is back", func() string { return e.difference(again) })
}
