package trafficcases_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"
)

// certs are an authority ("ca"), another that nobody knows ("other-ca"), and
// the certificates they sign, made when somebody asks for them.
type certs struct {
	t   *testing.T
	dir string
	mu  sync.Mutex
	all map[string]*tls.Certificate
}

func newCerts(t *testing.T) *certs {
	return &certs{t: t, dir: t.TempDir(), all: map[string]*tls.Certificate{}}
}

// get gives the certificate of a DNS name. Of the names with a meaning,
// "other-…" are signed by other-ca, "old-…" are past their time, "soon-…"
// will be in a day.
func (c *certs) get(name string) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made(name)
}

func (c *certs) made(name string) *tls.Certificate {
	if have := c.all[name]; have != nil {
		return have
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	now := time.Now()
	x := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(365 * 24 * time.Hour), BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	signer, parent := any(key), x
	switch {
	case strings.HasSuffix(name, "ca"):
		x.IsCA, x.DNSNames, x.KeyUsage, x.ExtKeyUsage = true, nil, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	case strings.HasPrefix(name, "other-"):
		ca := c.made("other-ca")
		signer, parent = ca.PrivateKey, ca.Leaf
	default:
		ca := c.made("ca")
		signer, parent = ca.PrivateKey, ca.Leaf
	}
	switch {
	case strings.HasPrefix(name, "old-"):
		x.NotAfter = now.Add(-time.Hour)
	case strings.HasPrefix(name, "soon-"):
		x.NotAfter = now.Add(24 * time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, x, parent, &key.PublicKey, signer)
	if err != nil {
		panic(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	c.all[name] = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	return c.all[name]
}

// pem gives "NAME.crt" or "NAME.key".
func (c *certs) pem(file string) []byte {
	name, kind := strings.TrimSuffix(file, filepath.Ext(file)), filepath.Ext(file)
	cert := c.get(name)
	if kind == ".crt" {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	}
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// fill replaces {{file "NAME.crt"}} by the path of a file, and
// {{base64 "NAME.key"}} by its content, as Secrets have it.
func (c *certs) fill(text string) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	parsed, err := template.New("config").Funcs(template.FuncMap{
		"file": func(name string) (string, error) {
			path := filepath.Join(c.dir, name)
			return path, os.WriteFile(path, c.pem(name), 0o600)
		},
		"base64": func(name string) string { return base64.StdEncoding.EncodeToString(c.pem(name)) },
	}).Parse(text)
	if err != nil {
		c.t.Fatal(err)
	}
	var out strings.Builder
	if err := parsed.Execute(&out, nil); err != nil {
		c.t.Fatal(err)
	}
	return out.String()
}

// server shows a certificate of the name that it is asked for.
func (c *certs) server() *tls.Config {
	return &tls.Config{NextProtos: []string{"h2", "http/1.1"}, ClientAuth: tls.RequestClientCert,
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if h.ServerName == "" {
				return c.get("unnamed.test"), nil
			}
			return c.get(h.ServerName), nil
		}}
}
