package authority

import (
	"crypto/ecdsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/krater-mesh/krater/identity"
)

func TestTokens(t *testing.T) {
	now := newClock()
	a := open(t, Options{Clock: now.Now})
	text, end, err := a.Mint(Grant{Workload: "shop/cart-v1", ServiceAccount: "cart", TTL: time.Hour, Once: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Verify(text)
	if err != nil || got.Workload != "shop/cart-v1" || got.ServiceAccount != "cart" || !got.Once || got.Group != "" || !got.Expires.Equal(end) || got.ID == "" {
		t.Errorf("%+v (%v)", got, err)
	}
	now.set(end.Add(-time.Second))
	if _, err := a.Verify(text); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	now.set(end)
	if _, err := a.Verify(text); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("at its end: %v", err)
	}
}

func TestGrantsThatNobodyGets(t *testing.T) {
	a := open(t, Options{})
	for name, g := range map[string]Grant{
		"nobody":             {},
		"both":               {Workload: "a/b", Group: "a/b"},
		"no namespace":       {Workload: "b"},
		"no name":            {Workload: "a/"},
		"a slash too many":   {Workload: "a/b/c"},
		"capitals":           {Workload: "a/B"},
		"a dotted namespace": {Workload: "a.x/b"},
		"a bad account":      {Workload: "a/b", ServiceAccount: "c/../d"},
		"a long name":        {Workload: "a/" + strings.Repeat("x", 250)},
		"a negative time":    {Workload: "a/b", TTL: -time.Second},
		"a long time":        {Workload: "a/b", TTL: MaxTokenTTL + time.Second},
	} {
		if _, _, err := a.Mint(g); err == nil {
			t.Errorf("%s: a token was made", name)
		}
	}
}

// TestTokensOfOthers: each is well made but for one thing.
func TestTokensOfOthers(t *testing.T) {
	now := newClock()
	a := open(t, Options{Clock: now.Now})
	own, _, err := a.tokenKey()
	if err != nil {
		t.Fatal(err)
	}
	good := func() jwt.Claims {
		return jwt.Claims{Issuer: trustDomain, Subject: "workload:shop/cart", Audience: jwt.Audience{audience}, ID: "1",
			Expiry: jwt.NewNumericDate(now.Now().Add(time.Hour))}
	}
	sign := func(k *ecdsa.PrivateKey, change func(*jwt.Claims)) string {
		c := good()
		change(&c)
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(s).Claims(c).Claims(claims{ServiceAccount: "cart"}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if _, err := a.Verify(sign(own, func(*jwt.Claims) {})); err != nil {
		t.Fatal(err)
	}
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: identity.EncodeKey(own)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	symmetric, err := jwt.Signed(hmac).Claims(good()).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(sign(own, func(*jwt.Claims) {}), ".")[1] + "."
	for name, text := range map[string]string{
		"another key":         sign(p256(t), func(*jwt.Claims) {}),
		"another algorithm":   symmetric,
		"no algorithm":        none,
		"no signature":        strings.Join(strings.Split(sign(own, func(*jwt.Claims) {}), ".")[:2], ".") + ".",
		"another issuer":      sign(own, func(c *jwt.Claims) { c.Issuer = "other" }),
		"no issuer":           sign(own, func(c *jwt.Claims) { c.Issuer = "" }),
		"another audience":    sign(own, func(c *jwt.Claims) { c.Audience = jwt.Audience{"kubernetes"} }),
		"two audiences":       sign(own, func(c *jwt.Claims) { c.Audience = jwt.Audience{audience, "kubernetes"} }),
		"no end":              sign(own, func(c *jwt.Claims) { c.Expiry = nil }),
		"no id":               sign(own, func(c *jwt.Claims) { c.ID = "" }),
		"not yet good":        sign(own, func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(now.Now().Add(time.Minute)) }),
		"another kind":        sign(own, func(c *jwt.Claims) { c.Subject = "namespace:shop/cart" }),
		"no kind":             sign(own, func(c *jwt.Claims) { c.Subject = "shop/cart" }),
		"no name":             sign(own, func(c *jwt.Claims) { c.Subject = "workload:shop" }),
		"a name that is none": sign(own, func(c *jwt.Claims) { c.Subject = "workload:shop/../bank" }),
		"too long to be one":  strings.Repeat("x", maxToken+1),
		"nothing":             "",
	} {
		if got, err := a.Verify(text); err == nil {
			t.Errorf("%s: taken as %+v", name, got)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error shows the token", name)
		}
	}
}

// TestTokensSurviveARenaming: the old name is an alias then.
func TestTokensSurviveARenaming(t *testing.T) {
	a := open(t, Options{})
	text, _, err := a.Mint(Grant{Workload: "shop/cart"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetTrustDomain("mesh.example", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Verify(text); err == nil {
		t.Error("a token of another trust domain was taken")
	}
	if err := a.SetTrustDomain("mesh.example", []string{trustDomain}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Verify(text); err != nil {
		t.Error(err)
	}
}

// TestTrustDomainsThatAreNone change nothing: they would shut everybody out.
func TestTrustDomainsThatAreNone(t *testing.T) {
	a := open(t, Options{})
	before := a.Bundle().Version()
	for _, bad := range []string{"", "*", "Mesh", "a/b", "a_b", "spiffe://a"} {
		if a.SetTrustDomain(bad, nil) == nil || a.SetTrustDomain(trustDomain, []string{bad}) == nil {
			t.Errorf("%q is taken", bad)
		}
		if _, err := Open(Options{Dir: t.TempDir(), TrustDomain: trustDomain, Aliases: []string{bad}}); err == nil {
			t.Errorf("%q is taken at the start", bad)
		}
	}
	if a.Bundle().Version() != before {
		t.Error("the bundle changed")
	}
}

// FuzzToken: only what was minted is a token.
func FuzzToken(f *testing.F) {
	a, err := Open(Options{Dir: f.TempDir(), TrustDomain: trustDomain})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { a.Close() })
	text, _, err := a.Mint(Grant{Workload: "shop/cart", TTL: MaxTokenTTL})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("a.b.c")
	f.Add(`{"payload":"e30","signature":"","protected":""}`)
	f.Fuzz(func(t *testing.T, candidate string) {
		got, err := a.Verify(candidate)
		if err == nil && (got.Workload != "shop/cart" || strings.Count(candidate, ".") != 2) {
			t.Errorf("%q was taken as %+v", candidate, got)
		}
	})
}
