package sds

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// spiffeValidator is Envoy's own check of SPIFFE certificates: each trust
// domain by its own roots, so that no root vouches for another's workloads.
const spiffeValidator = "envoy.tls.cert_validator.spiffe"

// resource gives a secret by name; nil if there is none of that name.
func (m *Material) resource(name string) (*discoveryv3.Resource, error) {
	var secret *tlsv3.Secret
	var version string
	var err error
	switch name {
	case Certificate:
		secret, version = m.certificate(), hash(m.Chain)
	case Roots:
		version = m.rootsVersion()
		secret, err = m.roots()
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	packed, err := anypb.New(secret)
	if err != nil {
		return nil, fmt.Errorf("encoding secret %s: %w", name, err)
	}
	return &discoveryv3.Resource{Name: name, Version: version, Resource: packed}, nil
}

func (m *Material) certificate() *tlsv3.Secret {
	return &tlsv3.Secret{Name: Certificate, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: inline(m.Chain), PrivateKey: inline(m.Key),
	}}}
}

func (m *Material) roots() (*tlsv3.Secret, error) {
	config := &tlsv3.SPIFFECertValidatorConfig{}
	for _, domain := range slices.Sorted(maps.Keys(m.Bundles)) {
		config.TrustDomains = append(config.TrustDomains, &tlsv3.SPIFFECertValidatorConfig_TrustDomain{
			Name: domain, TrustBundle: inline(m.Bundles[domain]),
		})
	}
	packed, err := anypb.New(config)
	if err != nil {
		return nil, fmt.Errorf("encoding the roots: %w", err)
	}
	return &tlsv3.Secret{Name: Roots, Type: &tlsv3.Secret_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
		CustomValidatorConfig: &corev3.TypedExtensionConfig{Name: spiffeValidator, TypedConfig: packed},
	}}}, nil
}

// rootsVersion is a hash, with the lengths of what it is made of.
func (m *Material) rootsVersion() string {
	var text []byte
	for _, domain := range slices.Sorted(maps.Keys(m.Bundles)) {
		text = fmt.Appendf(text, "%s %d\n%s", domain, len(m.Bundles[domain]), m.Bundles[domain])
	}
	return hash(text)
}

// hash is a version: of certificates only, never of a key.
func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func inline(text []byte) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: text}}
}
