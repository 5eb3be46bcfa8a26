package modules

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/agent/wasm"
)

// named finds a module's file in the bytes of a resource. Most resources have
// none, and are not decoded.
var named = regexp.MustCompile(`[0-9a-f]{64}\.wasm`)

// Missing are the digests of the modules that a resource names and that are
// not here.
func (s *Store) Missing(r *discoveryv3.Resource) []string {
	missing := map[string]struct{}{}
	for _, digest := range Digests(r) {
		if !s.has(digest) {
			missing[digest] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(missing))
}

// Digests are the modules that a resource names.
func Digests(r *discoveryv3.Resource) []string {
	if !mayName(r) {
		return nil
	}
	found := map[string]struct{}{}
	_ = walk(proto.CloneOf(r), func(file string) string {
		found[digestOf(file)] = struct{}{}
		return file
	})
	return slices.Sorted(maps.Keys(found))
}

// Localize gives a resource with the names of the files that are here; the
// very resource if it names none.
func (s *Store) Localize(r *discoveryv3.Resource) (*discoveryv3.Resource, error) {
	if !mayName(r) {
		return r, nil
	}
	out := proto.CloneOf(r)
	err := walk(out, func(file string) string { return s.Path(digestOf(file)) })
	if err != nil {
		return nil, fmt.Errorf("reading resource %s: %w", r.GetName(), err)
	}
	return out, nil
}

func mayName(r *discoveryv3.Resource) bool {
	return bytes.Contains(r.GetResource().GetValue(), []byte(".wasm")) && named.Match(r.GetResource().GetValue())
}

func digestOf(file string) string { return strings.TrimSuffix(filepath.Base(file), ".wasm") }

// walk replaces the file of each Wasm VM in a resource whose name is a digest.
func walk(r *discoveryv3.Resource, file func(string) string) error {
	return wasm.Each(r, func(vm *wasmv3.VmConfig) error {
		if at, ok := vm.GetCode().GetLocal().GetSpecifier().(*corev3.DataSource_Filename); ok && fileName.MatchString(filepath.Base(at.Filename)) {
			at.Filename = file(at.Filename)
		}
		return nil
	})
}
