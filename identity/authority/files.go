package authority

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/krater-mesh/krater/identity"
)

// readFiles reads an authority in the form of Istio's cacerts: ca-cert.pem and
// ca-key.pem sign, cert-chain.pem leads to root-cert.pem.
func readFiles(dir, trustDomain string, now time.Time) (issuer, identity.Bundle, error) {
	is, bundle, err := readCacerts(dir, trustDomain)
	if err == nil {
		err = is.check(bundle.Roots, now)
	}
	if err != nil {
		return issuer{}, identity.Bundle{}, fmt.Errorf("reading the authority in %s: %w", dir, err)
	}
	return is, bundle, nil
}

func readCacerts(dir, trustDomain string) (issuer, identity.Bundle, error) {
	none := identity.Bundle{}
	own, err := readCertificates(filepath.Join(dir, "ca-cert.pem"))
	if err != nil {
		return issuer{}, none, err
	}
	chain, err := readCertificates(filepath.Join(dir, "cert-chain.pem"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return issuer{}, none, err
	}
	text, err := readSmall(filepath.Join(dir, "root-cert.pem"))
	if err != nil {
		return issuer{}, none, err
	}
	bundle, err := identity.ParseBundle(trustDomain, text)
	if err != nil {
		return issuer{}, none, fmt.Errorf("root-cert.pem: %w", err)
	}
	text, err = readSmall(filepath.Join(dir, "ca-key.pem"))
	if err != nil {
		return issuer{}, none, err
	}
	key, err := parseSigner(text)
	if err != nil {
		return issuer{}, none, fmt.Errorf("ca-key.pem: %w", err)
	}
	is := issuer{cert: own[0], key: key, chain: between(slices.Concat(own, chain), bundle.Roots)}
	bundle.Issuer = is.id()
	return is, bundle, nil
}

// between are the certificates between a holder's and the roots, each once.
func between(certs, roots []*x509.Certificate) []*x509.Certificate {
	var out []*x509.Certificate
	for _, c := range certs {
		if !slices.ContainsFunc(slices.Concat(roots, out), c.Equal) {
			out = append(out, c)
		}
	}
	return out
}

// check holds the parts against each other.
func (is issuer) check(roots []*x509.Certificate, now time.Time) error {
	public, ok := is.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case !ok || !public.Equal(is.cert.PublicKey):
		return errors.New("ca-key.pem is not the key of ca-cert.pem")
	case !is.cert.IsCA || is.cert.KeyUsage != 0 && is.cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("ca-cert.pem may not sign certificates (CA:TRUE and keyCertSign)")
	case len(is.cert.SubjectKeyId) == 0:
		return errors.New("ca-cert.pem has no subject key identifier")
	}
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, c := range roots {
		o.Roots.AddCert(c)
	}
	for _, c := range is.chain {
		o.Intermediates.AddCert(c)
	}
	if _, err := is.cert.Verify(o); err != nil {
		return fmt.Errorf("ca-cert.pem does not lead to root-cert.pem: %w", err)
	}
	return nil
}

// parseSigner reads an authority's key: Istio's tools make RSA ones, too. Its
// errors show nothing of it.
func parseSigner(text []byte) (crypto.Signer, error) {
	var key any
	err := errors.New("there is no private key in it")
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "EC PARAMETERS": // openssl writes them before the key
			continue
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		default:
			return nil, fmt.Errorf("a %q is no private key that can be used", block.Type)
		}
		if err != nil {
			err = errors.New("the private key cannot be read")
		}
		break
	}
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		return k, nil
	case *rsa.PrivateKey:
		if k.N.BitLen() >= 2048 {
			return k, nil
		}
		return nil, errors.New("an RSA key of less than 2048 bits")
	}
	return nil, errors.New("the private key is neither of ECDSA nor of RSA")
}

func readCertificates(path string) ([]*x509.Certificate, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	certs, err := identity.ParseCertificates(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return certs, nil
}

// readSmall reads a file that is no larger than these ever are.
func readSmall(path string) ([]byte, error) {
	const most = 1 << 18
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(text) > most {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return text, nil
}

// rereadEvery is how soon files that were replaced count.
const rereadEvery = 5 * time.Second

// Run reads the files of an authority again that somebody else made, until ctx
// ends. What cannot be read, or half of it, leaves in force what was.
func (a *Authority) Run(ctx context.Context) error {
	if a.o.Files == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(rereadEvery)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := a.Reread()
		if err != nil && err.Error() != told {
			a.o.Logger.Error("the authority's files cannot be taken; the ones before stay in force", "reason", err)
		}
		if told = ""; err != nil {
			told = err.Error()
		}
	}
}

// Reread takes the files of now.
func (a *Authority) Reread() error {
	a.changing.Lock()
	defer a.changing.Unlock()
	a.mu.RLock()
	k, before := a.kept, a.issuer
	a.mu.RUnlock()
	is, bundle, err := a.inForce(k)
	if err != nil {
		return err
	}
	if a.o.Files == "" || slices.EqualFunc(is.shown(), before.shown(), (*x509.Certificate).Equal) &&
		string(bundle.PEM()) == string(a.Bundle().PEM()) {
		return nil
	}
	return a.keep(k)
}
