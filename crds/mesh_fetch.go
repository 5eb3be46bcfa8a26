package crds

import (
	"crypto/x509"
	"time"

	"github.com/krater-mesh/krater/model"
)

// MeshFetch says where key sets and bundles may come from, and how often they
// are looked at.
type MeshFetch struct {
	Hosts     []MeshFetchHost `json:"hosts"`
	OnlyHosts bool            `json:"onlyHosts"` // none but those of hosts
	Interval  model.Duration  `json:"interval"`  // between two looks
}

// MeshFetchHost is a host that is not reached as those of the Internet are.
type MeshFetchHost struct {
	Host    string `json:"host"`
	Private bool   `json:"private"`
	HTTP    bool   `json:"http"`
	CA      string `json:"ca"` // PEM
}

// minFetchInterval is how often a server may be asked.
const minFetchInterval = model.Duration(time.Second)

func (f *MeshFetch) validate(r *report) {
	for i, h := range f.Hosts {
		h.validate(r, index("spec.fetch.hosts", i))
	}
	if f.Interval != 0 && f.Interval < minFetchInterval {
		r.bad("spec.fetch.interval", "want at least 1s")
	}
}

func (h MeshFetchHost) validate(r *report, at string) {
	if u, err := model.ParseModuleURL("https://" + h.Host); h.Host == "" || err != nil || u.Path != "" || u.Query != "" {
		r.bad(at+".host", "want a host, with a port where it is not the usual one, got %q", h.Host)
	}
	if h.CA == "" {
		return
	}
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(h.CA)) {
		r.bad(at+".ca", "it is no certificate in PEM")
	}
	if h.HTTP {
		r.bad(at+".ca", "without TLS no certificate is looked at")
	}
}

// policy is the same, as the model has it.
func (f *MeshFetch) policy() *model.FetchPolicy {
	if f == nil {
		return nil
	}
	return &model.FetchPolicy{Hosts: fetchHosts(f.Hosts), OnlyHosts: f.OnlyHosts, Interval: f.Interval}
}

func fetchHosts(in []MeshFetchHost) []model.FetchHost {
	var out []model.FetchHost
	for _, h := range in {
		host := h.Host
		if u, err := model.ParseModuleURL("https://" + h.Host); err == nil {
			host = u.Host
		}
		out = append(out, model.FetchHost{Host: host, Private: h.Private, HTTP: h.HTTP, CA: h.CA})
	}
	return out
}
