package snapshot

import (
	"cmp"
	"slices"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

var patchesStep = step{
	name:  "patches",
	kinds: []string{"EnvoyFilter"},
	reads: func(d *draft) []any { return []any{d.settings, listID(d.snap.Workloads), listID(d.snap.Groups)} },
	run:   (*draft).resolvePatches,
	share: func(d *draft, p *Result) {
		type key struct {
			object model.Ref
			index  int
		}
		d.snap.Patches = shared(d.snap.Patches, p.Snapshot.Patches, func(v *model.EnvoyPatch) key { return key{v.Object, v.Index} })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.Patches} },
}

// resolvePatches leaves the patches in the order in which they are applied:
// by priority, the mesh's before a namespace's, then the older ones; those of
// one EnvoyFilter as it lists them.
func (d *draft) resolvePatches() {
	d.byCreation(d.envoyFilter)
	root := d.snap.Mesh.RootNamespace
	own := func(p *model.EnvoyPatch) int {
		if p.Object.Namespace == root {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(d.snap.Patches, func(a, b *model.EnvoyPatch) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), own(a)-own(b))
	})
}

func (d *draft) envoyFilter(e *crds.Entry) {
	for i, p := range e.Content.Patches {
		if i == 0 {
			p.Selector = d.selector(e, p.Selector)
		} else {
			p.Selector = d.scope(e, p.Selector)
		}
		d.snap.Patches = append(d.snap.Patches, &p)
	}
}
