package analysis

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/krater-mesh/krater/model"
)

// endsSoon is when one is told of the end of a certificate.
const endsSoon = 30 * 24 * time.Hour

// certificates looks for certificates that ended, or end soon, and for files
// that are not there.
func certificates(r *run) {
	for _, s := range r.Snapshot.Secrets {
		r.ends(s.Object, "data", "its certificate", s.Certificate)
		r.ends(s.Object, "data", "its CA certificate", s.CA)
	}
	for _, f := range r.files() {
		if r.ReadFile == nil {
			return
		}
		data, err := r.ReadFile(f.path)
		if err != nil {
			r.warn(f.object, model.CodeUnresolvedHost, f.field, "put the file there, on the machine of each proxy that needs it", "the file %s cannot be read here: %v", f.path, reason(err))
			continue
		}
		if f.certificate {
			r.ends(f.object, f.field, f.path, data)
		}
	}
}

// ends tells of the first certificate of a chain that ended, or ends soon.
func (r *run) ends(o model.Ref, field, what string, chain []byte) {
	for {
		block, rest := pem.Decode(chain)
		if block == nil {
			return
		}
		chain = rest
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			continue
		}
		name, day := c.Subject.CommonName, c.NotAfter.UTC().Format(time.DateOnly)
		if name == "" && len(c.DNSNames) > 0 {
			name = c.DNSNames[0]
		}
		switch left := c.NotAfter.Sub(r.Now); {
		case left <= 0:
			r.warn(o, model.CodeCertificateEnds, field, "renew it", "%s (%s) ended on %s", what, name, day)
			return
		case left < endsSoon:
			r.warn(o, model.CodeCertificateEnds, field, "renew it", "%s (%s) ends on %s, in %s", what, name, day, days(left))
			return
		}
	}
}

func days(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}
