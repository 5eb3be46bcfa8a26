package controlplane

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
)

// modulesOf lists the Wasm modules that are bound, and counts who has them. A
// module's digest is part of its file's name.
func modulesOf(s *model.Snapshot, clients map[string][]*serve.Part) []ModuleStatus {
	byDigest := map[string]*ModuleStatus{}
	var order []string
	for _, f := range s.Filters {
		m := byDigest[f.Module.Digest]
		if m == nil {
			m = &ModuleStatus{URL: f.Module.URL, Digest: f.Module.Digest, Size: f.Module.Size}
			byDigest[f.Module.Digest] = m
			order = append(order, f.Module.Digest)
		}
		m.Filters = append(m.Filters, f.Object.String())
	}
	var out []ModuleStatus
	for _, digest := range order {
		m, text := byDigest[digest], []byte(strings.TrimPrefix(digest, "sha256:"))
		for _, parts := range clients {
			if slices.ContainsFunc(parts, func(p *serve.Part) bool { return p.Mentions(serve.TypeExtensionConfig, text) }) {
				m.Proxies++
			}
		}
		out = append(out, *m)
	}
	return out
}
