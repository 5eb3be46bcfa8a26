package crds

import (
	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/krater-mesh/krater/model"
)

// meshMTLS is how workloads prove to each other who they are.
func (c *conversion) meshMTLS(in *meshconfig.MeshConfig, out *model.Mesh, at string) {
	if d := in.GetTrustDomain(); d != "" {
		c.trustDomain(d, at+".trustDomain")
	}
	for i, d := range in.GetTrustDomainAliases() {
		c.trustDomain(d, index(at+".trustDomainAliases", i))
	}
	out.TrustDomainAliases = in.GetTrustDomainAliases()
	out.NoAutoMTLS = in.GetEnableAutoMtls() != nil && !in.GetEnableAutoMtls().GetValue()
	m := in.GetMeshMTLS()
	if v := m.GetMinProtocolVersion(); v != meshconfig.MeshConfig_TLSConfig_TLS_AUTO {
		out.MinTLSVersion = v.String()
	}
	out.MTLSCipherSuites = c.cipherSuites(m.GetCipherSuites(), at+".meshMTLS.cipherSuites")
	for i, curve := range m.GetEcdhCurves() {
		if !knownCurves[curve] {
			c.add(model.Warning, model.CodeInvalidValue, index(at+".meshMTLS.ecdhCurves", i), "want X25519, P-256, P-384, P-521 or X25519MLKEM768",
				"%q is no curve of the proxy's: it is left out", curve)
			continue
		}
		out.MTLSCurves = append(out.MTLSCurves, curve)
	}
}

// trustDomain is the host of each identity: what SPIFFE allows in one, but for
// "_", which no DNS name has.
func (c *conversion) trustDomain(d, field string) {
	if len(d) > 255 || !dnsName.MatchString(d) {
		c.bad(field, "a trust domain is lower case letters, digits, '-' and '.', got %q", d)
	}
}

// knownCurves are those of Envoy 1.40.
var knownCurves = map[string]bool{"X25519": true, "P-256": true, "P-384": true, "P-521": true, "X25519MLKEM768": true}
