package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Credential is a key and the certificate for it, with what it trusts in
// others. It is immutable: a renewed one is another.
type Credential struct {
	Claims
	Chain  []*x509.Certificate // the holder's first
	Key    crypto.Signer       // never leaves its machine
	Bundle Bundle
}

// Leaf is the holder's own certificate.
func (c Credential) Leaf() *x509.Certificate { return c.Chain[0] }

// ChainPEM is the chain as files and SDS have it.
func (c Credential) ChainPEM() []byte { return EncodeCertificates(c.Chain) }

// KeyPEM is the private key as files and SDS have it.
func (c Credential) KeyPEM() []byte { return EncodeKey(c.Key) }

// TLS is the credential as crypto/tls has it.
func (c Credential) TLS() *tls.Certificate {
	out := &tls.Certificate{PrivateKey: c.Key, Leaf: c.Chain[0]}
	for _, cert := range c.Chain {
		out.Certificate = append(out.Certificate, cert.Raw)
	}
	return out
}

// Check tells whether key, chain and roots belong together, at a time.
func (c Credential) Check(now time.Time) error {
	if len(c.Chain) == 0 || c.Key == nil {
		return errors.New("there is no certificate")
	}
	public, ok := c.Key.Public().(*ecdsa.PublicKey)
	if !ok || !public.Equal(c.Chain[0].PublicKey) {
		return errors.New("the certificate is for another key")
	}
	claims, err := c.Bundle.Verify(c.Chain, now)
	if err != nil {
		return err
	}
	if claims != c.Claims {
		return fmt.Errorf("the certificate is %s's, %s, not %s's, %s", claims.Identity, claims.DNSName(), c.Identity, c.DNSName())
	}
	return nil
}

// EncodeKey writes a private key in PEM (PKCS 8).
func EncodeKey(key crypto.Signer) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(fmt.Sprintf("encoding a key of type %T: %v", key, err)) // ParseKey and GenerateKey give P-256 only
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// ParseKey reads a private key in PEM, of ECDSA with P-256. Its errors show
// nothing of it.
func ParseKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("there is no PEM block PRIVATE KEY")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key cannot be read")
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, errors.New("the private key is not of ECDSA with the curve P-256")
	}
	return ec, nil
}
