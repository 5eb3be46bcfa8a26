package translate

import (
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// proxy is one translation under way: what is known, and what came out.
type proxy struct {
	snap     *model.Snapshot
	eps      model.Endpoints
	w        model.Workload
	opt      Options
	services []*model.Service // one for each host, as the workload's namespace sees it
	out      Resources
	problems model.Problems
}

func newProxy(snap *model.Snapshot, eps model.Endpoints, w model.Workload, o Options) *proxy {
	return &proxy{snap: snap, eps: eps, w: w, opt: o, services: visible(snap, w.Namespace)}
}

// visible gives the service of each host that a namespace sees, by host: its
// own first, then by namespace, as Snapshot.Service does for one host.
func visible(snap *model.Snapshot, namespace string) []*model.Service {
	best := map[string]*model.Service{}
	for _, s := range snap.Services {
		have, found := best[s.Host]
		if s.VisibleTo(namespace) && (!found || closer(s, have, namespace)) {
			best[s.Host] = s
		}
	}
	return slices.SortedFunc(maps.Values(best), func(a, b *model.Service) int { return strings.Compare(a.Host, b.Host) })
}

func closer(a, b *model.Service, namespace string) bool {
	if own := a.Namespace == namespace; own != (b.Namespace == namespace) {
		return own
	}
	return a.Namespace < b.Namespace
}

// problem records what could not be translated.
func (p *proxy) problem(severity model.Severity, code string, o model.Ref, field, message, fix string) {
	found := model.Problem{
		Code: code, Severity: severity, Object: o, Field: field, Message: message, Fix: fix, Origin: p.snap.Origin(o),
	}
	if !slices.Contains(p.problems, found) {
		p.problems = append(p.problems, found)
	}
}

// notSupported is the Problem of what is accepted, but not translated yet.
func (p *proxy) notSupported(o model.Ref, field, message, fix string) {
	p.problem(model.Warning, model.CodeNotSupported, o, field, message, fix)
}

// destination is how this proxy calls a service; without fields where nothing
// was declared.
func (p *proxy) destination(s *model.Service) *model.DestinationPolicy {
	if d := p.snap.DestinationFor(s, p.w); d != nil {
		return d
	}
	return &model.DestinationPolicy{}
}
