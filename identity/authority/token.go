package authority

import (
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/model"
)

const (
	// audience is whom tokens are for: nobody else may take one.
	audience = "krater-ca"
	// DefaultTokenTTL is enough to carry a token to a machine.
	DefaultTokenTTL = time.Hour
	// MaxTokenTTL bounds how long a lost token is a danger.
	MaxTokenTTL = 30 * 24 * time.Hour
	// maxToken is the most bytes a token may have.
	maxToken = 4 << 10
)

// Grant is what a token lets its bearer be: one workload, or a new member of a
// group.
type Grant struct {
	Workload       string        `json:"workload,omitempty"` // "namespace/name"
	Group          string        `json:"group,omitempty"`    // or this, "namespace/name" of a WorkloadGroup
	ServiceAccount string        `json:"serviceAccount"`
	TTL            time.Duration `json:"ttl"`
	Once           bool          `json:"once,omitempty"` // the first CSR uses it up
}

// Token is one that was verified.
type Token struct {
	Grant
	ID      string
	Expires time.Time
}

// Subject is "workload:NS/NAME" or "group:NS/NAME".
func (g Grant) Subject() string {
	if g.Group != "" {
		return "group:" + g.Group
	}
	return "workload:" + g.Workload
}

// claims is what is in a token beside the registered ones.
type claims struct {
	ServiceAccount string `json:"service_account"`
	Once           bool   `json:"once,omitempty"`
}

// Mint makes a token.
func (a *Authority) Mint(g Grant) (string, time.Time, error) {
	if g.ServiceAccount == "" {
		g.ServiceAccount = model.DefaultServiceAccount
	}
	if g.TTL == 0 {
		g.TTL = DefaultTokenTTL
	}
	if g.TTL < time.Second || g.TTL > MaxTokenTTL {
		return "", time.Time{}, fmt.Errorf("a token lives from %s to %s, not %s", time.Second, MaxTokenTTL, g.TTL)
	}
	key, trustDomain, err := a.tokenKey()
	if err != nil {
		return "", time.Time{}, err
	}
	if err := g.validate(trustDomain); err != nil {
		return "", time.Time{}, err
	}
	id := make([]byte, 16)
	if _, err := io.ReadFull(a.o.Random, id); err != nil {
		return "", time.Time{}, fmt.Errorf("drawing a token's id: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", time.Time{}, fmt.Errorf("signing a token: %w", err)
	}
	now := a.o.Clock()
	end := now.Add(g.TTL).Truncate(time.Second)
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: trustDomain, Subject: g.Subject(), Audience: jwt.Audience{audience}, ID: hex.EncodeToString(id),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(end),
	}).Claims(claims{g.ServiceAccount, g.Once}).Serialize()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("signing a token: %w", err)
	}
	return text, end, nil
}

// validate wants names that a certificate can carry.
func (g Grant) validate(trustDomain string) error {
	if (g.Workload == "") == (g.Group == "") {
		return errors.New("a token is for one workload or for one group")
	}
	namespace, name, ok := strings.Cut(g.Workload+g.Group, "/")
	if !ok {
		return fmt.Errorf("%q is not NAMESPACE/NAME", g.Workload+g.Group)
	}
	return g.claims(trustDomain, namespace, name).Validate()
}

func (g Grant) claims(trustDomain, namespace, name string) identity.Claims {
	return identity.Claims{
		Identity: model.Identity{TrustDomain: trustDomain, Namespace: namespace, ServiceAccount: g.ServiceAccount},
		Workload: name,
	}
}

// Verify reads a token of ours that has not ended. Whether it was used is for
// the ledger to say.
func (a *Authority) Verify(text string) (Token, error) {
	if len(text) > maxToken {
		return Token{}, errors.New("the token is too long to be one")
	}
	key, _, err := a.tokenKey()
	if err != nil {
		return Token{}, err
	}
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return Token{}, errors.New("this is no token of Krater's (a JWT, signed with ES256)")
	}
	var registered jwt.Claims
	var own claims
	if err := parsed.Claims(key.Public(), &registered, &own); err != nil {
		return Token{}, errors.New("the token is not signed by this mesh's authority")
	}
	return a.accept(registered, own)
}

// accept checks what a token says of itself.
func (a *Authority) accept(c jwt.Claims, own claims) (Token, error) {
	bundle := a.Bundle()
	switch now := a.o.Clock(); {
	case !slices.Contains(bundle.TrustDomains(), c.Issuer):
		return Token{}, fmt.Errorf("the token is of the trust domain %q, this is %q", c.Issuer, bundle.TrustDomain)
	case len(c.Audience) != 1 || c.Audience[0] != audience:
		return Token{}, fmt.Errorf("the token is not for %s", audience)
	case c.Expiry == nil || c.ID == "":
		return Token{}, errors.New("the token has no end, or no id")
	case !now.Before(c.Expiry.Time()):
		return Token{}, fmt.Errorf("the token ended at %s", c.Expiry.Time().UTC().Format(time.RFC3339))
	case c.NotBefore != nil && now.Before(c.NotBefore.Time()):
		return Token{}, errors.New("the token is not good yet")
	}
	t := Token{Grant{ServiceAccount: own.ServiceAccount, Once: own.Once}, c.ID, c.Expiry.Time()}
	kind, name, _ := strings.Cut(c.Subject, ":")
	switch kind {
	case "workload":
		t.Workload = name
	case "group":
		t.Group = name
	default:
		return Token{}, errors.New("the token is for neither a workload nor a group")
	}
	return t, t.validate(bundle.TrustDomain)
}

// tokenKey is not a root's: what it signs can never be taken for a certificate.
func (a *Authority) tokenKey() (*ecdsa.PrivateKey, string, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	key, err := identity.ParseKey([]byte(a.kept.TokenKey))
	return key, a.kept.TrustDomain, err
}
