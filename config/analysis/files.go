package analysis

import (
	"errors"
	"io/fs"

	"github.com/krater-mesh/krater/model"
)

// file is one that an object names for TLS.
type file struct {
	object      model.Ref
	field, path string
	certificate bool
}

// files are all of them.
func (r *run) files() []file {
	var out []file
	add := func(o model.Ref, field, path string, certificate bool) {
		if path != "" {
			out = append(out, file{o, field, path, certificate})
		}
	}
	for _, g := range r.Snapshot.Gateways {
		for i, s := range g.Servers {
			if s.TLS == nil {
				continue
			}
			at := item("spec.servers", i) + ".tls"
			for _, c := range s.TLS.Certificates {
				add(g.Object, at+".serverCertificate", c.Certificate, true)
				add(g.Object, at+".privateKey", c.PrivateKey, false)
			}
			add(g.Object, at+".caCertificates", s.TLS.CACertificates, true)
			add(g.Object, at+".caCrl", s.TLS.CRL, false)
		}
	}
	for _, d := range r.declaredDestinations() {
		each(d, func(field string, t *model.ClientTLS) {
			add(d.Object, field+".clientCertificate", t.Certificate, true)
			add(d.Object, field+".privateKey", t.PrivateKey, false)
			add(d.Object, field+".caCertificates", t.CACertificates, true)
			add(d.Object, field+".caCrl", t.CRL, false)
		})
	}
	return out
}

// declaredDestinations are DestinationRules as they were written: resolved,
// several may be one.
func (r *run) declaredDestinations() []*model.DestinationPolicy {
	var out []*model.DestinationPolicy
	for _, e := range r.Entries {
		if e.Content.Destination != nil {
			out = append(out, e.Content.Destination)
		}
	}
	return out
}

// each visits the TLS settings of a DestinationRule.
func each(d *model.DestinationPolicy, visit func(field string, t *model.ClientTLS)) {
	policy := func(field string, p model.TrafficPolicy) {
		if p.TLS != nil {
			visit(field+".tls", p.TLS)
		}
		for i, port := range p.Ports {
			if port.Policy.TLS != nil {
				visit(item(field+".portLevelSettings", i)+".tls", port.Policy.TLS)
			}
		}
	}
	policy("spec.trafficPolicy", d.Policy)
	for i, s := range d.Subsets {
		if s.Policy != nil {
			policy(item("spec.subsets", i)+".trafficPolicy", *s.Policy)
		}
	}
}

// reason is an error without the path, which the message has.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// verification looks for calls over TLS to servers whose certificate nobody
// checks.
func verification(r *run) {
	for _, d := range r.declaredDestinations() {
		each(d, func(field string, t *model.ClientTLS) {
			if !t.InsecureSkipVerify || t.Mode != model.TLSSimple && t.Mode != model.TLSMutual {
				return
			}
			code := model.CodeNoVerification
			if field != "spec.trafficPolicy.tls" && field[len(field)-len("].tls"):] == "].tls" {
				code = model.CodeNoVerificationPort
			}
			r.warn(d.Object, code, field+".insecureSkipVerify", "leave it out, and give caCertificates or credentialName",
				"the certificate of %s is not verified: anyone may answer in its place", d.Host)
		})
	}
}
