package keeper

import (
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/krater-mesh/krater/identity"
)

// diskFormat is the format of credential.json, and its version.
const diskFormat = "krater.dev/credential/v1"

// held is what a keeper has: a key, its certificate, the roots, and the key
// that it asked, or asks, the next certificate for.
type held struct {
	claims  identity.Claims
	key     *ecdsa.PrivateKey
	chain   []*x509.Certificate // empty: none yet
	since   time.Time           // that the chain is here
	pending *ecdsa.PrivateKey
	bundle  identity.Bundle
}

// onDisk is held, as its file has it.
type onDisk struct {
	Key     string           `json:"key,omitempty"`
	Chain   string           `json:"chain,omitempty"`
	Since   time.Time        `json:"since,omitzero"`
	Pending string           `json:"pending,omitempty"`
	Bundle  *identity.Bundle `json:"bundle,omitempty"`
}

// credential is what is good at a time.
func (h held) credential(now time.Time) (identity.Credential, bool) {
	if len(h.chain) == 0 || !now.Before(h.chain[0].NotAfter) {
		return identity.Credential{}, false
	}
	return identity.Credential{Claims: h.claims, Chain: h.chain, Key: h.key, Bundle: h.bundle}, true
}

// known is what to begin with. While there is no certificate that is good, the
// given roots count, too: the disk may be older than they are, or newer.
func (h held) known(given identity.Bundle) held {
	switch {
	case len(h.chain) > 0 || len(given.Roots) == 0:
		return h
	case len(h.bundle.Roots) == 0:
		h.bundle = given
		return h
	}
	for _, r := range given.Roots {
		if !slices.ContainsFunc(h.bundle.Roots, r.Equal) {
			h.bundle.Roots = append(slices.Clip(h.bundle.Roots), r)
		}
	}
	return h
}

func (h held) save(path string) error {
	d := onDisk{Since: h.since, Bundle: &h.bundle}
	if len(h.chain) > 0 {
		d.Key, d.Chain = string(identity.EncodeKey(h.key)), string(identity.EncodeCertificates(h.chain))
	}
	if h.pending != nil {
		d.Pending = string(identity.EncodeKey(h.pending))
	}
	return identity.Save(path, diskFormat, d)
}

// load reads the disk. What cannot be used is put aside and told, and the
// keeper begins anew; only what others may read is for the user to decide.
func (k *Keeper) load() (held, error) {
	var d onDisk
	err := identity.Load(k.file, diskFormat, &d)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return held{}, nil
	case errors.Is(err, identity.ErrNotPrivate):
		return held{}, err
	}
	var h held
	if err == nil {
		h, err = k.decode(d)
	}
	if err == nil {
		return h, nil
	}
	aside := k.file + ".bad"
	if err := os.Rename(k.file, aside); err != nil {
		return held{}, fmt.Errorf("putting aside what cannot be used: %w", err)
	}
	k.o.Logger.Error("the certificate on the disk cannot be used; a new one is asked for", "reason", err, "put aside as", aside)
	return held{}, nil
}

// decode holds what was read against what is wanted.
func (k *Keeper) decode(d onDisk) (held, error) {
	h := held{since: d.Since}
	var err error
	if d.Bundle != nil && slices.Contains(d.Bundle.TrustDomains(), k.o.TrustDomain) {
		h.bundle = *d.Bundle
	}
	if d.Pending != "" {
		if h.pending, err = identity.ParseKey([]byte(d.Pending)); err != nil {
			return held{}, fmt.Errorf("the next key: %w", err)
		}
	}
	if d.Chain == "" {
		return h, nil
	}
	if h.key, err = identity.ParseKey([]byte(d.Key)); err != nil {
		return held{}, err
	}
	if h.chain, err = identity.ParseCertificates([]byte(d.Chain)); err != nil {
		return held{}, fmt.Errorf("the certificate: %w", err)
	}
	if h.claims, err = k.check(h.key, h.chain, h.bundle); err != nil {
		k.o.Logger.Warn("the certificate on the disk is of no use; a new one is asked for", "reason", err)
		h.key, h.chain = nil, nil
	}
	return h, nil
}

// check tells whose the certificate is, where it is one that the keeper wants.
func (k *Keeper) check(key *ecdsa.PrivateKey, chain []*x509.Certificate, b identity.Bundle) (identity.Claims, error) {
	claims, err := identity.ClaimsOf(chain[0])
	if err != nil {
		return claims, err
	}
	c := identity.Credential{Claims: claims, Chain: chain, Key: key, Bundle: b}
	if err := c.Check(k.o.Clock()); err != nil {
		return claims, err
	}
	want := k.o.Want
	if slices.Contains(b.TrustDomains(), want.TrustDomain) {
		want.TrustDomain = "" // the mesh has been renamed since
	}
	for _, p := range [][2]string{
		{want.TrustDomain, claims.TrustDomain}, {want.Namespace, claims.Namespace},
		{want.ServiceAccount, claims.ServiceAccount}, {want.Workload, claims.Workload},
	} {
		if p[0] != "" && p[0] != p[1] {
			return claims, fmt.Errorf("the certificate is of %s, %s, and %q is not %q", claims.Identity, claims.ID(), p[1], p[0])
		}
	}
	return claims, nil
}
