package crds

import (
	"net/netip"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (c *conversion) clientTLS(t *networking.ClientTLSSettings, field string) *model.ClientTLS {
	if t == nil {
		return nil
	}
	out := &model.ClientTLS{
		Mode: model.TLSMode(t.GetMode().String()), Certificate: t.GetClientCertificate(), PrivateKey: t.GetPrivateKey(),
		CACertificates: t.GetCaCertificates(), CRL: t.GetCaCrl(), Credential: t.GetCredentialName(),
		SubjectAltNames: t.GetSubjectAltNames(), SNI: t.GetSni(), InsecureSkipVerify: t.GetInsecureSkipVerify().GetValue(),
	}
	switch out.Mode {
	case model.TLSIstioMutual:
		c.ownIdentity(out, field)
	case model.TLSDisable:
		c.noTLSFields(out, field)
	default:
		c.tlsSources(out, field)
	}
	return out
}

// ownIdentity warns of what the workload's own certificate stands in the way
// of. A server name, and names to check, may be given.
func (c *conversion) ownIdentity(t *model.ClientTLS, field string) {
	for name, given := range map[string]bool{"clientCertificate": t.Certificate != "", "privateKey": t.PrivateKey != "", "caCertificates": t.CACertificates != "",
		"caCrl": t.CRL != "", "credentialName": t.Credential != "", "insecureSkipVerify": t.InsecureSkipVerify} {
		if given {
			c.warn(field+"."+name, "ISTIO_MUTUAL shows the workload's own certificate, and trusts the mesh's authority: it has no effect")
		}
	}
	t.Certificate, t.PrivateKey, t.CACertificates, t.CRL, t.Credential, t.InsecureSkipVerify = "", "", "", "", "", false
}

// noTLSFields warns of settings for TLS where there is none: mode, whose
// default is DISABLE, was forgotten.
func (c *conversion) noTLSFields(t *model.ClientTLS, field string) {
	if t.Certificate != "" || t.PrivateKey != "" || t.CACertificates != "" || t.CRL != "" || t.Credential != "" || t.SNI != "" || len(t.SubjectAltNames) > 0 || t.InsecureSkipVerify {
		c.add(model.Warning, model.CodeInvalidValue, field+".mode", "give mode: SIMPLE or MUTUAL", "the mode is DISABLE, also where it is not given: the other fields have no effect")
	}
}

func (c *conversion) tlsSources(t *model.ClientTLS, field string) {
	files := t.Certificate != "" || t.PrivateKey != "" || t.CACertificates != "" || t.CRL != ""
	switch {
	case t.Credential != "" && files:
		c.add(model.Error, model.CodeInvalidValue, field+".credentialName", "put them into the secret", "with credentialName there are no certificate files")
	case t.Credential != "":
	case t.Mode == model.TLSMutual:
		if t.Certificate == "" {
			c.missing(field+".clientCertificate", "MUTUAL needs a client certificate, or credentialName")
		}
		if t.PrivateKey == "" {
			c.missing(field+".privateKey", "MUTUAL needs a private key, or credentialName")
		}
	case t.Certificate != "" || t.PrivateKey != "":
		c.add(model.Warning, model.CodeInvalidValue, field+".mode", "write mode: MUTUAL", "SIMPLE shows no client certificate")
	}
	if t.InsecureSkipVerify && (t.CACertificates != "" || len(t.SubjectAltNames) > 0 || t.Mode == model.TLSSimple && t.Credential != "") {
		c.add(model.Error, model.CodeInvalidValue, field+".insecureSkipVerify", "leave it, or them, out", "the server's certificate is not verified: caCertificates, credentialName and subjectAltNames have no meaning")
	}
	if _, err := netip.ParseAddr(t.SNI); t.SNI != "" && (err == nil || !hostName.MatchString(t.SNI)) {
		c.bad(field+".sni", "%q is no host name", t.SNI)
	}
}

func (c *conversion) tunnel(t *networking.TrafficPolicy_TunnelSettings, field string) *model.Tunnel {
	if t == nil {
		return nil
	}
	out := &model.Tunnel{POST: t.GetProtocol() == "POST", Host: t.GetTargetHost(), Port: c.port(t.GetTargetPort(), field+".targetPort")}
	if p := t.GetProtocol(); p != "" && p != "CONNECT" && p != "POST" {
		c.bad(field+".protocol", "want CONNECT or POST, got %q", p)
	}
	if out.Host == "" {
		c.missing(field+".targetHost", "a tunnel has a target")
	} else {
		out.Host = c.host(out.Host, field+".targetHost")
	}
	return out
}

// retryBudget fills in Istio's defaults.
func (c *conversion) retryBudget(b *networking.TrafficPolicy_RetryBudget, field string) *model.RetryBudget {
	if b == nil {
		return nil
	}
	out := &model.RetryBudget{Percent: 20, MinConcurrency: 3, Interval: c.durationOrZero(b.GetBudgetInterval(), field+".budgetInterval")}
	if p := b.GetPercent(); p != nil {
		out.Percent = p.GetValue()
	}
	if n := b.GetMinRetryConcurrency(); n != 0 {
		out.MinConcurrency = n
	}
	if out.Percent < 0 || out.Percent > 100 {
		c.bad(field+".percent", "a percentage is from 0 to 100")
	}
	return out
}
