package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/identity"
)

// made is an authority that somebody else made.
type made struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func makeCA(t *testing.T, name string, k crypto.Signer, by *made, change func(*x509.Certificate)) *made {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if change != nil {
		change(template)
	}
	parent, key := template, k
	if by != nil {
		parent, key = by.cert, by.key
	}
	cert, err := create(template, parent, k.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &made{cert, k}
}

func keyText(t *testing.T, k crypto.Signer) string {
	t.Helper()
	if r, ok := k.(*rsa.PrivateKey); ok {
		return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(r)}))
	}
	return string(identity.EncodeKey(k))
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// cacerts writes an authority as Istio's tools do.
func cacerts(t *testing.T, dir string, issuer *made, roots ...*made) {
	t.Helper()
	text := ""
	for _, r := range roots {
		text += encode(r.cert)
	}
	write(t, dir, map[string]string{
		"ca-cert.pem": encode(issuer.cert), "ca-key.pem": keyText(t, issuer.key),
		"cert-chain.pem": encode(issuer.cert, roots[0].cert), "root-cert.pem": text,
	})
}

func rsaKey(t *testing.T, bits int) crypto.Signer {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestAnAuthorityFromFiles also rotates it, by its files alone.
func TestAnAuthorityFromFiles(t *testing.T) {
	dir := t.TempDir()
	root := makeCA(t, "root", rsaKey(t, 2048), nil, nil)
	cacerts(t, dir, makeCA(t, "intermediate", rsaKey(t, 2048), root, nil), root)
	a := open(t, Options{Files: dir})
	cart := workload("shop", "cart", "cart")
	before, err := a.Issue(cart, 0)
	if err != nil || len(before.Chain) != 2 || before.Check(time.Now()) != nil {
		t.Fatalf("%d certificates (%v, %v)", len(before.Chain), err, before.Check(time.Now()))
	}
	if err := a.Prepare(); err == nil || !strings.Contains(err.Error(), "is rotated there") {
		t.Errorf("%v", err)
	}
	changed := a.Changed()
	if err := a.Reread(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
		t.Error("the same files are a change")
	default:
	}

	next := makeCA(t, "next root", p256(t), nil, nil)
	cacerts(t, dir, makeCA(t, "intermediate", rsaKey(t, 2048), root, nil), root, next)
	if err := a.Reread(); err != nil {
		t.Fatal(err)
	}
	<-changed
	if n := len(a.Bundle().Roots); n != 2 {
		t.Errorf("%d roots, want 2", n)
	}
	changed = a.Changed()
	write(t, dir, map[string]string{"ca-key.pem": keyText(t, rsaKey(t, 2048))})
	if err := a.Reread(); err == nil || !strings.Contains(err.Error(), "not the key of") {
		t.Errorf("half of a change: %v", err)
	}
	cacerts(t, dir, makeCA(t, "intermediate", p256(t), next, nil), next, root)
	if err := a.Reread(); err != nil {
		t.Fatal(err)
	}
	<-changed
	after, err := a.Issue(cart, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []identity.Credential{before, after} {
		if _, err := a.Bundle().Verify(c.Chain, time.Now()); err != nil {
			t.Error(err)
		}
	}
	if s := a.Status(); s.From != dir || len(s.Roots) != 2 {
		t.Errorf("%+v", s)
	}
}

// TestFilesThatAreNoAuthority: nothing is in force that could not be verified.
func TestFilesThatAreNoAuthority(t *testing.T) {
	root := makeCA(t, "root", p256(t), nil, nil)
	good := makeCA(t, "intermediate", p256(t), root, nil)
	for want, change := range map[string]func(dir string){
		"ca-cert.pem: no such file":   func(dir string) { os.Remove(filepath.Join(dir, "ca-cert.pem")) },
		"root-cert.pem: no such file": func(dir string) { os.Remove(filepath.Join(dir, "root-cert.pem")) },
		"this is not PEM":             func(dir string) { write(t, dir, map[string]string{"ca-cert.pem": "hello"}) },
		"there is no private key":     func(dir string) { write(t, dir, map[string]string{"ca-key.pem": "hello"}) },
		"not the key of ca-cert.pem":  func(dir string) { write(t, dir, map[string]string{"ca-key.pem": keyText(t, p256(t))}) },
		"does not lead to root-cert": func(dir string) {
			write(t, dir, map[string]string{"root-cert.pem": encode(makeCA(t, "x", p256(t), nil, nil).cert)})
		},
		"may not sign certificates": func(dir string) {
			leaf := makeCA(t, "l", p256(t), root, func(c *x509.Certificate) { c.IsCA = false; c.KeyUsage = 0 })
			cacerts(t, dir, leaf, root)
		},
		"has expired or is not yet": func(dir string) {
			old := makeCA(t, "o", p256(t), root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
			cacerts(t, dir, old, root)
		},
		"less than 2048 bits": func(dir string) { write(t, dir, map[string]string{"ca-key.pem": keyText(t, rsaKey(t, 1024))}) },
		"PUBLIC KEY\" is no private k": func(dir string) {
			write(t, dir, map[string]string{"ca-key.pem": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"})
		},
		"too large": func(dir string) { write(t, dir, map[string]string{"cert-chain.pem": strings.Repeat("x", 1<<19)}) },
	} {
		dir := t.TempDir()
		cacerts(t, dir, good, root)
		change(dir)
		_, err := Open(Options{Dir: t.TempDir(), Files: dir, TrustDomain: trustDomain})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%v, want %q and the folder", err, want)
		}
	}
}

// FuzzFiles: an authority that is taken leads to its roots.
func FuzzFiles(f *testing.F) {
	t := &testing.T{}
	root := makeCA(t, "root", key(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), nil, nil)
	is := makeCA(t, "i", key(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), root, nil)
	f.Add(encode(is.cert), keyText(t, is.key), encode(is.cert), encode(root.cert))
	f.Add("", "-----BEGIN EC PARAMETERS-----\n-----END EC PARAMETERS-----\n", "", "")
	f.Fuzz(func(t *testing.T, cert, key, chain, roots string) {
		dir := t.TempDir()
		write(t, dir, map[string]string{"ca-cert.pem": cert, "ca-key.pem": key, "cert-chain.pem": chain, "root-cert.pem": roots})
		is, b, err := readFiles(dir, trustDomain, time.Now())
		if err == nil && (!is.cert.IsCA || len(b.Roots) == 0) {
			t.Error("half an authority was taken")
		}
	})
}
