package envoy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/krater-mesh/krater/xds/translate"
)

// tokenKey signs tokens.
type tokenKey struct{ *ecdsa.PrivateKey }

func newTokenKey(t *testing.T) tokenKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return tokenKey{key}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// token is a JWT with these claims.
func (k tokenKey) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	claims["iss"] = "test"
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := encode([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, k.PrivateKey, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func (k tokenKey) jwks(t *testing.T) string {
	t.Helper()
	point, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","x":%q,"y":%q}]}`, encode(point[1:33]), encode(point[33:]))
}

// verifyTokens has the proxy verify tokens where a RequestAuthentication will
// have it do so: in the slot before that of attributes.
func (m *matrix) verifyTokens(r translate.Resources) {
	m.t.Helper()
	filter := box(m.t, &jwtv3.JwtAuthentication{
		Providers: map[string]*jwtv3.JwtProvider{"test": {Issuer: "test", PayloadInMetadata: "payload",
			JwksSourceSpecifier: &jwtv3.JwtProvider_LocalJwks{LocalJwks: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: m.key.jwks(m.t)}}}}},
		Rules: []*jwtv3.RequirementRule{{
			Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			RequirementType: &jwtv3.RequirementRule_Requires{Requires: &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_RequiresAny{
				RequiresAny: &jwtv3.JwtRequirementOrList{Requirements: []*jwtv3.JwtRequirement{
					{RequiresType: &jwtv3.JwtRequirement_ProviderName{ProviderName: "test"}},
					{RequiresType: &jwtv3.JwtRequirement_AllowMissing{AllowMissing: &emptypb.Empty{}}}}}}}},
		}},
	})
	found := false
	for _, e := range r.Extensions {
		if strings.HasPrefix(e.Name, "inbound|") && strings.HasSuffix(e.Name, "/authentication") {
			e.TypedConfig, found = box(m.t, &filterchainv3.FilterChainConfig{DefaultFilterChain: &filterchainv3.FilterChain{
				Filters: []*corev3.TypedExtensionConfig{{Name: "envoy.filters.http.jwt_authn", TypedConfig: filter}}}}), true
		}
	}
	if !found {
		m.t.Fatal("there is no slot for authentication")
	}
}

func box(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	out, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
