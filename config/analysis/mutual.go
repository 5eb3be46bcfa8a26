package analysis

import (
	"github.com/krater-mesh/krater/model"
)

// mutual looks for DestinationRules by which calls come in a form that the
// workloads they are for do not take.
func mutual(r *run) {
	for _, d := range r.Snapshot.Destinations {
		for _, s := range r.Snapshot.Services {
			if !model.HostMatches(d.Host, s.Host) || s.External {
				continue
			}
			for i := -1; i < len(d.Subsets); i++ {
				for _, port := range s.Ports {
					r.mutualPort(d, s, port, i)
				}
			}
		}
	}
}

// mutualPort compares how a port, or one of its subsets, is called with what
// the first of its workloads takes that refuses it.
func (r *run) mutualPort(d *model.DestinationPolicy, s *model.Service, port model.Port, subset int) {
	name, labels := "", map[string]string(nil)
	if subset >= 0 {
		if d.Subsets[subset].Policy == nil {
			return // as the whole
		}
		name, labels = d.Subsets[subset].Name, d.Subsets[subset].Labels
	}
	t := d.PolicyFor(name, port.Number).TLS
	if t == nil {
		return
	}
	for _, e := range r.Endpoints.Of(s.Key()) {
		w, known := r.Snapshot.Workload(e.Workload)
		if e.Workload == "" || !known || w.Gateway || !model.HasLabels(e.Labels, labels) {
			continue
		}
		number := e.PortFor(port)
		switch mode := r.Snapshot.MTLS(w).Port(number); {
		case mode == model.MTLSStrict && t.Mode != model.TLSIstioMutual:
			r.warn(d.Object, model.CodeMTLSConflict, tlsField(d, subset, port.Number), "leave tls out, or write ISTIO_MUTUAL",
				"calls to port %d of %s are %s, and port %d of %s takes mutual TLS only (PeerAuthentication): they are refused", port.Number, s.Host, t.Mode, number, w.ID())
			return
		case mode == model.MTLSDisable && t.Mode == model.TLSIstioMutual:
			r.warn(d.Object, model.CodeMTLSConflict, tlsField(d, subset, port.Number), "leave tls out, and it follows from what each workload takes",
				"calls to port %d of %s are %s, and port %d of %s takes no mutual TLS (PeerAuthentication): they are refused", port.Number, s.Host, t.Mode, number, w.ID())
			return
		}
	}
}

// tlsField is where a rule says how a port is called.
func tlsField(d *model.DestinationPolicy, subset int, port uint32) string {
	field, policy := "spec.trafficPolicy", &d.Policy
	if subset >= 0 {
		if own := d.Subsets[subset].Policy; own.TLS != nil || len(own.Ports) > 0 {
			field, policy = item("spec.subsets", subset)+".trafficPolicy", own
		}
	}
	for i, p := range policy.Ports {
		if p.Port == port {
			return item(field+".portLevelSettings", i) + ".tls"
		}
	}
	return field + ".tls"
}
