package envoyrunner

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	"github.com/go-jose/go-jose/v4"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
)

// tokenHeader carries a case's claims. The proxy takes it off once the token is
// verified: neither policy nor application sees it.
const tokenHeader = "x-case-token"

// tokens signs the tokens of cases, and has Envoy verify them.
type tokens struct {
	t      testing.TB
	signer jose.Signer
	keys   string // JWKS
}

func newTokens(t testing.TB) *tokens {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "cases"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "cases", Algorithm: string(jose.ES256), Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	return &tokens{t: t, signer: signer, keys: string(keys)}
}

// sign makes a token of any claims.
func (k *tokens) sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := k.signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// filter is the content of a slot that verifies such tokens, whoever issued
// them, and lets requests without one pass.
func (k *tokens) filter(slot string) (*corev3.TypedExtensionConfig, error) {
	keys, err := json.Marshal(k.keys)
	if err != nil {
		return nil, err
	}
	config := &jwtv3.JwtAuthentication{}
	if err := protojson.Unmarshal([]byte(`{"providers": {"cases": {"local_jwks": {"inline_string": `+string(keys)+`},
	  "from_headers": [{"name": "`+tokenHeader+`"}], "payload_in_metadata": "payload"}},
	  "rules": [{"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": [{"provider_name": "cases"}, {"allow_missing": {}}]}}}]}`), config); err != nil {
		return nil, err
	}
	inner, err := anypb.New(config)
	if err != nil {
		return nil, err
	}
	chain, err := anypb.New(&filterchainv3.FilterChainConfig{DefaultFilterChain: &filterchainv3.FilterChain{
		Filters: []*corev3.TypedExtensionConfig{{Name: "envoy.filters.http.jwt_authn", TypedConfig: inner}}}})
	return &corev3.TypedExtensionConfig{Name: slot, TypedConfig: chain}, err
}
