package envoy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

// tokenCase is a token, and what is wrong with it in Envoy's words.
type tokenCase struct{ name, token, why string }

const (
	okToken    = ""
	badForm    = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
	unverified = "Jwt verification fails"
)

// tokenCases are tokens of an issuer for the audience shop.
func tokenCases(a, other *issuer) []tokenCase {
	now := time.Now()
	claim := func(name string, value any) map[string]any { return map[string]any{name: value} }
	at := func(name string, d time.Duration) map[string]any { return claim(name, now.Add(d).Unix()) }
	header := func(h string) string { return a.sign("RS256", h, fmt.Sprintf(`{"iss":%q,"aud":"shop"}`, a.name)) }
	payload := func(p string) string { return a.sign("RS256", `{"alg":"RS256"}`, p) }
	good := a.token("RS256", nil)
	parts := strings.Split(good, ".")
	return []tokenCase{
		{"RS256", good, okToken}, {"RS384", a.token("RS384", nil), okToken}, {"RS512", a.token("RS512", nil), okToken},
		{"PS256", a.token("PS256", nil), okToken}, {"PS384", a.token("PS384", nil), okToken}, {"PS512", a.token("PS512", nil), okToken},
		{"ES256", a.token("ES256", nil), okToken}, {"EdDSA", a.token("EdDSA", nil), okToken},
		{"without a key's name", header(`{"alg":"RS256"}`), okToken}, {"an unknown key's name", header(`{"alg":"RS256","kid":"x"}`), "Jwks doesn't have key to match kid or alg from Jwt"},
		{"another key's name", header(`{"alg":"RS256","kid":"ed"}`), "Jwks doesn't have key to match kid or alg from Jwt"},
		{"an empty key's name", header(`{"alg":"RS256","kid":""}`), okToken}, {"a key's name that is none", header(`{"alg":"RS256","kid":7}`), "Jwt header [kid] field is not a string"},
		{"no end", a.token("RS256", claim("exp", nil)), okToken}, {"ended within the skew", a.token("RS256", at("exp", -30*time.Second)), okToken},
		{"ended", a.token("RS256", at("exp", -2*time.Minute)), "Jwt is expired"}, {"not yet within the skew", a.token("RS256", at("nbf", 30*time.Second)), okToken},
		{"not yet", a.token("RS256", at("nbf", 5*time.Minute)), "Jwt not yet valid"}, {"ended at 0", a.token("RS256", claim("exp", 0)), okToken},
		{"ends at no number", a.token("RS256", claim("exp", "soon")), "Jwt payload [exp] field is not an integer"},
		{"ends at a negative", a.token("RS256", claim("exp", -1)), "Jwt payload [exp] field is not a positive 64 bit integer"},
		{"ends at a part", a.token("RS256", claim("exp", float64(now.Unix())+100.5)), okToken}, {"issued at no number", a.token("RS256", claim("iat", true)), "Jwt payload [iat] field is not an integer"},
		{"another issuer", a.token("RS256", claim("iss", "https://nobody")), "Jwt issuer is not configured"}, {"no issuer", a.token("RS256", claim("iss", nil)), "Jwt issuer is not configured"},
		{"an issuer that is none", a.token("RS256", claim("iss", 7)), "Jwt payload [iss] field is not a string"}, {"a subject that is none", a.token("RS256", claim("sub", []string{"x"})), "Jwt payload [sub] field is not a string"},
		{"another audience", a.token("RS256", claim("aud", "bank")), "Audiences in Jwt are not allowed"}, {"no audience", a.token("RS256", claim("aud", nil)), "Audiences in Jwt are not allowed"},
		{"one audience of two", a.token("RS256", claim("aud", []string{"bank", "shop"})), okToken}, {"an audience's URL", a.token("RS256", claim("aud", "https://shop/")), okToken},
		{"no list of texts", a.token("RS256", claim("aud", []any{"shop", 7})), "Jwt payload [aud] field is not a string or string list"},
		{"another's key", other.sign("RS256", `{"alg":"RS256","kid":"rsa"}`, fmt.Sprintf(`{"iss":%q,"aud":"shop"}`, a.name)), unverified},
		{"alg none", encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", badForm}, {"alg none, with a signature", encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".AAAA", "Jwt header [alg] is not supported"},
		{"HS256 with the public key", a.sign("HS256", `{"alg":"HS256"}`, fmt.Sprintf(`{"iss":%q,"aud":"shop"}`, a.name)), unverified},
		{"HS256 with the public key's name", a.sign("HS256", `{"alg":"HS256","kid":"rsa"}`, fmt.Sprintf(`{"iss":%q,"aud":"shop"}`, a.name)), unverified},
		{"no alg", header(`{"kid":"rsa"}`), "Jwt header [alg] field is required and must be a string"}, {"alg a number", header(`{"alg":7}`), "Jwt header [alg] field is required and must be a string"},
		{"a key of another kind", header(`{"alg":"RS256","kid":"ec"}`), "Jwks doesn't have key to match kid or alg from Jwt"},
		{"changed", parts[0] + "." + encode([]byte(fmt.Sprintf(`{"iss":%q,"aud":"shop","sub":"root"}`, a.name))) + "." + parts[2], unverified},
		{"a signature too short", parts[0] + "." + parts[1] + "." + parts[2][:40], unverified},
		{"one part", "abc", badForm}, {"two parts", "a.b", badForm}, {"four parts", good + ".x", badForm}, {"dots", "..", badForm},
		{"a header that is none", "####.b.c", "Jwt header is an invalid Base64url encoded"}, {"a header of no JSON", encode([]byte("x")) + ".b.c", "Jwt header is an invalid JSON"},
		{"a header that is a list", encode([]byte("[]")) + ".b.c", "Jwt header is an invalid JSON"}, {"a payload of no JSON", payload("x"), "Jwt payload is an invalid JSON"},
		{"a payload that is a text", payload(`"x"`), "Jwt payload is an invalid JSON"}, {"an empty payload", payload("{}"), "Jwt issuer is not configured"},
		{"a claim twice", payload(fmt.Sprintf(`{"iss":"x","iss":%q,"aud":"shop"}`, a.name)), "Jwt payload is an invalid JSON"},
		{"huge", a.token("RS256", claim("much", strings.Repeat("x", 20000))), okToken},
	}
}

// TestTokensAgree: each token is taken, or refused for the reason that explain
// gives, in each place of a request.
func TestTokensAgree(t *testing.T) {
	w := newTokenWorld(t)
	a, b := newIssuer(t, "https://a.test"), newIssuer(t, "https://b.test")
	w.authenticate(&model.RequestAuthentication{Rules: []model.JWTRule{{Issuer: a.name, Keys: a.keys(t), Audiences: []string{"shop"}, PayloadHeader: "x-claims",
		Headers: []model.TokenHeader{{Name: "authorization", Prefix: "Bearer "}, {Name: "x-token"}}, Params: []string{"access_token"}, Cookies: []string{"session"}}}})
	for _, c := range tokenCases(a, b) {
		for place, r := range map[string]tokenRequest{
			"header":    {headers: [][2]string{{"Authorization", "Bearer " + c.token}}},
			"bare":      {headers: [][2]string{{"X-Token", c.token}}},
			"parameter": {path: "/p?x=1&access_token=" + c.token + "&b&a=%41+"},
			"cookie":    {headers: [][2]string{{"Cookie", "a=b; session=" + c.token + "; c=d"}}},
		} {
			if place == "header" && strings.HasPrefix(c.token, "#") || place == "parameter" && (len(c.token) > 9000 || strings.Contains(c.token, "#")) {
				continue
			}
			r.name, r.hide = c.name+" in "+place, append([]string{c.token}, payloadOf(c.token)...)
			got := w.compare(r)
			if place != "cookie" && got.why != c.why {
				t.Errorf("%s: %s, want %q", r.name, got, c.why)
			}
			if forbidden := c.why == "Audiences in Jwt are not allowed"; (got.status == 200) != (c.why == "") || (got.status == 403) != forbidden {
				t.Errorf("%s: %d", r.name, got.status)
			}
		}
	}
	good, bad := a.token("ES256", nil), b.token("ES256", nil)
	for name, headers := range map[string][][2]string{
		"none": {}, "another scheme": {{"Authorization", "Basic eDp5"}}, "lower case": {{"Authorization", "bearer " + good}},
		"two spaces": {{"Authorization", "Bearer  " + good}}, "behind": {{"Authorization", "Bearer " + good + " more"}}, "before": {{"Authorization", "x Bearer " + good}},
		"twice": {{"Authorization", "Bearer " + good}, {"Authorization", "Bearer " + bad}}, "twice, otherwise": {{"Authorization", "Bearer " + bad}, {"Authorization", "Bearer " + good}},
		"empty bare": {{"X-Token", ""}}, "good and bad": {{"Authorization", "Bearer " + good}, {"X-Token", bad}}, "bad and good": {{"Authorization", "Bearer " + bad}, {"X-Token", good}},
		"two good": {{"Authorization", "Bearer " + good}, {"X-Token", a.token("RS256", nil)}}, "quoted": {{"X-Token", `"` + good + `"`}}, "its own claims": {{"X-Claims", "forged"}},
		"a quoted cookie": {{"Cookie", `session="` + good + `"`}}, "two cookies": {{"Cookie", "session=" + good + "; session=" + bad}}, "two Cookie headers": {{"Cookie", "session=" + bad}, {"Cookie", "session=" + good}},
	} {
		r := tokenRequest{name: name, headers: headers, hide: append([]string{good, bad}, append(payloadOf(good), payloadOf(bad)...)...)}
		for _, h := range headers {
			r.hide = append(r.hide, strings.TrimPrefix(h[1], "Bearer "))
			r.hide = append(r.hide, payloadOf(strings.TrimPrefix(h[1], "Bearer "))...)
		}
		w.compare(r)
	}
	for _, r := range []tokenRequest{
		{name: "preflight", method: "OPTIONS", headers: [][2]string{{"Origin", "http://x"}, {"Access-Control-Request-Method", "GET"}, {"Authorization", "Bearer x.y.z"}, {"X-Claims", "forged"}}},
		{name: "no preflight", method: "OPTIONS", headers: [][2]string{{"Origin", "http://x"}, {"Authorization", "Bearer x.y.z"}}},
		{name: "twice in the query", path: "/?access_token=" + good + "&access_token=" + bad, hide: append([]string{good, bad}, payloadOf(good)...)},
		{name: "an escaped name", path: "/?access%5Ftoken=" + bad, hide: []string{bad}},
		{name: "an empty parameter", path: "/?access_token="}, {name: "a parameter alone", path: "/?access_token"},
	} {
		w.compare(r)
	}
	t.Log(w.tally)
	for _, what := range []string{"200 ", "401 Jwt is expired", "401 " + unverified, "401 " + badForm} {
		if w.tally[what] < 4 {
			t.Errorf("%q came %d times", what, w.tally[what])
		}
	}
}

// payloadOf is what a token's payload header shows.
func payloadOf(token string) []string {
	if parts := strings.Split(token, "."); len(parts) == 3 && len(parts[1]) > 20 {
		return parts[1:2]
	}
	return nil
}
