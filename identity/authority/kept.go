package authority

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/model"
)

// stateFormat is the format of authority.json, and its version.
const stateFormat = "krater.dev/authority/v1"

// The parts that a root plays.
const (
	roleCurrent  = "current"  // it signs
	roleNext     = "next"     // everybody learns of it; it signs nothing yet
	rolePrevious = "previous" // what it signed is still good
)

// kept is what an authority keeps, in one file: a step from one state to the
// next is one rename.
type kept struct {
	TrustDomain string     `json:"trustDomain"`
	TokenKey    string     `json:"tokenKey"` // PEM; it signs tokens and nothing else
	Roots       []keptRoot `json:"roots"`    // none where the authority comes from files
}

// keptRoot is one of them.
type keptRoot struct {
	Role        string    `json:"role"`
	Certificate string    `json:"certificate"`     // PEM
	Key         string    `json:"key"`             // PEM
	Cross       string    `json:"cross,omitempty"` // the same root, signed by the one before
	Since       time.Time `json:"since"`           // that it has its role
	// TTL is the longest that a certificate of it is good: what it signed under
	// a longer bound than today's is out there still.
	TTL model.Duration `json:"ttl"`
}

func load(path string) (kept, error) {
	var k kept
	if err := identity.Load(path, stateFormat, &k); err != nil {
		return kept{}, err
	}
	if _, err := identity.ParseKey([]byte(k.TokenKey)); err != nil {
		return kept{}, fmt.Errorf("reading %s: the key of tokens: %w", path, err)
	}
	if len(k.Roots) > 0 {
		if _, _, err := k.inForce(); err != nil {
			return kept{}, fmt.Errorf("reading %s: %w", path, err)
		}
	}
	return k, nil
}

func (k kept) save(path string) error { return identity.Save(path, stateFormat, k) }

// root gives the one that plays a part.
func (k kept) root(role string) (keptRoot, bool) {
	for _, r := range k.Roots {
		if r.Role == role {
			return r, true
		}
	}
	return keptRoot{}, false
}

// signsFor notes how long the current root's certificates are good from now on.
func (k kept) signsFor(ttl time.Duration) kept {
	k.Roots = slices.Clone(k.Roots)
	for i, r := range k.Roots {
		if r.Role == roleCurrent {
			k.Roots[i].TTL = max(r.TTL, model.Duration(ttl))
		}
	}
	return k
}

// inForce is who signs, and whom the mesh trusts: the current root first.
func (k kept) inForce() (issuer, identity.Bundle, error) {
	current, ok := k.root(roleCurrent)
	if !ok {
		return issuer{}, identity.Bundle{}, errors.New("no root is the current one")
	}
	is, err := current.issuer()
	if err != nil {
		return issuer{}, identity.Bundle{}, fmt.Errorf("the current root: %w", err)
	}
	roots := []*x509.Certificate{is.cert}
	for _, role := range []string{roleNext, rolePrevious} {
		r, ok := k.root(role)
		if !ok {
			continue
		}
		other, err := r.issuer()
		if err != nil {
			return issuer{}, identity.Bundle{}, fmt.Errorf("the %s root: %w", role, err)
		}
		roots = append(roots, other.cert)
	}
	return is, identity.Bundle{TrustDomain: k.TrustDomain, Roots: roots, Issuer: is.id()}, nil
}

func (r keptRoot) issuer() (issuer, error) {
	cert, err := decodeOne(r.Certificate)
	if err != nil {
		return issuer{}, fmt.Errorf("its certificate: %w", err)
	}
	key, err := identity.ParseKey([]byte(r.Key))
	if err != nil {
		return issuer{}, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) || !cert.IsCA {
		return issuer{}, errors.New("certificate and key do not belong together, or may not sign")
	}
	out := issuer{cert: cert, key: key}
	if r.Cross != "" {
		cross, err := decodeOne(r.Cross)
		if err != nil {
			return issuer{}, fmt.Errorf("what the root before it signed: %w", err)
		}
		out.chain = []*x509.Certificate{cross}
	}
	return out, nil
}
