package authority

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Stage is how far a rotation of the root is.
type Stage string

// The stages, in their order.
const (
	Steady   Stage = "steady"   // one root
	Prepared Stage = "prepared" // everybody learns of the next root
	Promoted Stage = "promoted" // the new root signs, the old one is still trusted
)

// Status is an authority's state, without its secrets.
type Status struct {
	TrustDomain string         `json:"trustDomain"`
	Aliases     []string       `json:"aliases,omitempty"`
	From        string         `json:"from"` // "self-made", or the folder of its files
	Stage       Stage          `json:"stage"`
	Roots       []RootStatus   `json:"roots"`
	MaxTTL      model.Duration `json:"maxTTL"`
	// Retirable is when nothing of the old root is good any more.
	Retirable *time.Time `json:"retirable,omitempty"`
	Refusals  []Refusal  `json:"refusals,omitempty"`
}

// RootStatus is one root's.
type RootStatus struct {
	Role     string     `json:"role"`
	Subject  string     `json:"subject"`
	SHA256   string     `json:"sha256"`
	NotAfter time.Time  `json:"notAfter"`
	Since    *time.Time `json:"since,omitempty"`
}

// Status is the state of now.
func (a *Authority) Status() Status {
	a.mu.RLock()
	k, bundle := a.kept, a.bundle
	a.mu.RUnlock()
	out := Status{
		TrustDomain: bundle.TrustDomain, Aliases: bundle.Aliases, From: "self-made", Stage: Steady,
		MaxTTL: model.Duration(a.o.MaxTTL), Refusals: a.Refusals(),
	}
	if a.o.Files != "" {
		out.From = a.o.Files
		for _, r := range bundle.Roots {
			out.Roots = append(out.Roots, rootStatus("trusted", r))
		}
		return out
	}
	for i, role := range rolesOf(k) {
		r, _ := k.root(role)
		s := rootStatus(role, bundle.Roots[i])
		s.Since = &r.Since
		out.Roots = append(out.Roots, s)
		switch role {
		case roleNext:
			out.Stage = Prepared
		case rolePrevious:
			out.Stage = Promoted
			until := r.retirable()
			out.Retirable = &until
		}
	}
	return out
}

// rolesOf are the roles that are played, in the order of the bundle.
func rolesOf(k kept) []string {
	var out []string
	for _, role := range []string{roleCurrent, roleNext, rolePrevious} {
		if _, ok := k.root(role); ok {
			out = append(out, role)
		}
	}
	return out
}

func rootStatus(role string, c *x509.Certificate) RootStatus {
	sum := sha256.Sum256(c.Raw)
	return RootStatus{Role: role, Subject: c.Subject.String(), SHA256: hex.EncodeToString(sum[:]), NotAfter: c.NotAfter}
}
