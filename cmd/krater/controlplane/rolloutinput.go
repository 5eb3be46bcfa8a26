package controlplane

import (
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/rollout"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
)

// earlierEvery is how far apart the reports are that stand for "before".
const earlierEvery = 15 * time.Second

// note keeps some reports of each proxy, to compare with later.
func (r *rollouts) note(now time.Time, reports map[string]model.ProxyReport) {
	for id := range r.earlier {
		if _, is := reports[id]; !is {
			delete(r.earlier, id)
		}
	}
	for id, report := range reports {
		list := r.earlier[id]
		if n := len(list); n == 0 || report.At.Sub(list[n-1].At) >= earlierEvery {
			list = append(list, report)
		}
		for len(list) > 1 && now.Sub(list[0].At) > rollout.EarlierBy {
			list = list[1:]
		}
		r.earlier[id] = slices.Clip(list)
	}
}

// input is how all proxies are now.
func (r *rollouts) input(now time.Time, s *model.Snapshot, reports map[string]model.ProxyReport) rollout.Input {
	in := rollout.Input{Now: now, Filters: s.Filters, Proxies: make([]rollout.Proxy, len(s.Workloads))}
	for i := range s.Workloads {
		w := &s.Workloads[i]
		p := rollout.Proxy{Workload: w, Connected: r.server.Connected(w.ID()), Code: func(digest string) rollout.Code { return r.code(w.ID(), digest) }}
		if report, ok := reports[w.ID()]; ok {
			p.Report = &report
			if list := r.earlier[w.ID()]; len(list) > 0 && list[0].At.Before(report.At) {
				p.Earlier = &list[0]
			}
		}
		in.Proxies[i] = p
	}
	return in
}

// code is what a proxy has of a module, by its acknowledgements.
func (r *rollouts) code(node, digest string) rollout.Code {
	hex := strings.TrimPrefix(digest, "sha256:")
	return rollout.Code{
		Loaded:  r.server.Acknowledged(node, serve.TypeExtensionConfig, []byte(hex)),
		Refused: r.server.Refused(node, serve.TypeExtensionConfig, translate.PreloadSlot),
	}
}
