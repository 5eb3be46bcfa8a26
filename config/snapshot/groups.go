package snapshot

import (
	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// groupsStep is what workloads may register themselves as.
var groupsStep = step{
	name:  "groups",
	kinds: []string{"WorkloadGroup"},
	reads: func(*draft) []any { return nil },
	run: func(d *draft) {
		d.each(func(e *crds.Entry) {
			if g := e.Content.WorkloadGroup; g != nil {
				d.snap.Groups = append(d.snap.Groups, g)
			}
		})
	},
	share: func(d *draft, p *Result) {
		d.snap.Groups = shared(d.snap.Groups, p.Snapshot.Groups, func(v *model.WorkloadGroup) model.Ref { return v.Object })
	},
	outputs: func(d *draft) []any { return []any{&d.snap.Groups} },
}

// mayRegister tells whether a group's members have the labels: who selects
// these selects nothing yet, and means it. "" is any namespace.
func (d *draft) mayRegister(namespace string, labels map[string]string) bool {
	for _, g := range d.snap.Groups {
		if (namespace == "" || g.Object.Namespace == namespace) && model.HasLabels(g.Labels, labels) {
			return true
		}
	}
	return false
}
