package snapshot

import (
	"net/netip"
	"sort"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// qualify applies Istio's rule: a name without a dot is of the object's own
// namespace; anything else is meant as it is.
func (d *draft) qualify(host, namespace string) string {
	if host == "" || strings.HasPrefix(host, "*") || strings.Contains(host, ".") {
		return strings.TrimSuffix(host, ".")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	return host + "." + namespace + ".svc." + d.snap.Mesh.Domain
}

// service finds what a namespace calls by a host: its own first.
func (d *draft) service(host, from string) (model.Service, bool) {
	var found *model.Service
	for i, s := range d.services[host] {
		if s.VisibleTo(from) && (found == nil || s.Namespace == from) {
			found = &d.services[host][i]
		}
	}
	if found == nil {
		return model.Service{}, false
	}
	return *found, true
}

// underWildcard tells whether a service whose host is a pattern has the host.
func (d *draft) underWildcard(host, from string) bool {
	for at := strings.IndexByte(host, '.'); at >= 0; {
		if _, ok := d.service("*"+host[at:], from); ok {
			return true
		}
		next := strings.IndexByte(host[at+1:], '.')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return false
}

// hostLike suggests a host for one that is not there.
func (d *draft) hostLike(host, from string) string {
	var visible, short []string
	for h, list := range d.services {
		for _, s := range list {
			if s.VisibleTo(from) {
				visible = append(visible, h)
				short = append(short, first(h))
			}
		}
	}
	sort.Strings(visible)
	sort.Strings(short)
	if near := crds.Nearest(first(host), short); near != "" {
		for _, h := range visible {
			if first(h) == near {
				return "did you mean " + h + "?"
			}
		}
	}
	switch {
	case len(visible) == 0:
		return "declare a Mesh with workloads, or a ServiceEntry"
	case len(visible) > 5:
		visible = append(visible[:5], "…")
	}
	return "there are " + strings.Join(visible, ", ")
}

// first is a host's first label.
func first(host string) string {
	word, _, _ := strings.Cut(host, ".")
	return word
}
