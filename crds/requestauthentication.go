package crds

import (
	"path/filepath"
	"strings"
	"time"

	security "istio.io/api/security/v1beta1"

	"github.com/krater-mesh/krater/model"
)

// filePrefix begins a jwksUri that is a file's.
const filePrefix = "file:"

// discoveryPath is where an issuer says of itself where its keys are (OpenID
// Connect Discovery 1.0, section 4).
const discoveryPath = "/.well-known/openid-configuration"

func convertRequestAuthentication(c *conversion) Content {
	in := &security.RequestAuthentication{}
	if !c.read(in) {
		return Content{}
	}
	refs := in.GetTargetRefs()
	if one := in.GetTargetRef(); one != nil {
		refs = append(refs, one)
	}
	var to model.AuthorizationPolicy
	c.attachPolicy(&to, in.GetSelector(), refs)
	out := &model.RequestAuthentication{Object: c.object.Ref, Selector: to.Selector, Gateways: to.Gateways, Services: to.Services}
	for i, r := range in.GetJwtRules() {
		out.Rules = append(out.Rules, c.jwtRule(r, index("spec.jwtRules", i)))
	}
	if len(out.Rules) == 0 {
		c.add(model.Warning, model.CodeMissing, "spec.jwtRules", "name an issuer", "without rules no token is verified")
	}
	return Content{RequestAuthentication: out}
}

func (c *conversion) jwtRule(in *security.JWTRule, at string) model.JWTRule {
	out := model.JWTRule{Issuer: in.GetIssuer(), Audiences: in.GetAudiences(), Params: in.GetFromParams(), Cookies: in.GetFromCookies(),
		Forward: in.GetForwardOriginalToken(), SpaceDelimited: in.GetSpaceDelimitedClaims()}
	if out.Issuer == "" {
		c.missing(at+".issuer", "whose tokens? As their claim iss says")
	}
	for field, list := range map[string][]string{".audiences": out.Audiences, ".fromParams": out.Params, ".fromCookies": out.Cookies, ".spaceDelimitedClaims": out.SpaceDelimited} {
		for i, text := range list {
			if text == "" {
				c.missing(index(at+field, i), "it is empty")
			}
		}
	}
	for i, h := range in.GetFromHeaders() {
		out.Headers = append(out.Headers, model.TokenHeader{Name: c.plainHeader(h.GetName(), index(at+".fromHeaders", i)+".name"), Prefix: h.GetPrefix()})
	}
	c.jwtOutputs(in, &out, at)
	if d := in.GetTimeout(); d != nil {
		out.Timeout = model.Duration(d.AsDuration())
		if out.Timeout < model.Duration(time.Millisecond) || out.Timeout > model.Duration(time.Minute) {
			c.bad(at+".timeout", "want a time from 1ms to 1m")
		}
	}
	c.jwtKeys(in, &out, at)
	return out
}

// jwtOutputs reads what is told of a token that holds.
func (c *conversion) jwtOutputs(in *security.JWTRule, out *model.JWTRule, at string) {
	taken := map[string]bool{}
	if name := in.GetOutputPayloadToHeader(); name != "" {
		out.PayloadHeader = c.plainHeader(name, at+".outputPayloadToHeader")
		taken[out.PayloadHeader] = true
	}
	for i, o := range in.GetOutputClaimToHeaders() {
		field := index(at+".outputClaimToHeaders", i)
		name := c.plainHeader(o.GetHeader(), field+".header")
		if taken[name] && name != "" {
			c.bad(field+".header", "the header %s is written already", name)
		}
		taken[name] = true
		if o.GetClaim() == "" {
			c.missing(field+".claim", "which claim?")
		}
		out.ClaimHeaders = append(out.ClaimHeaders, model.ClaimHeader{Header: name, Claim: o.GetClaim()})
	}
}

// plainHeader reads the name of a header that is no pseudo header.
func (c *conversion) plainHeader(name, field string) string {
	lower := strings.ToLower(name)
	if strings.HasPrefix(lower, ":") || lower == "host" || !headerName(lower) {
		c.bad(field, "want the name of a header, got %q", name)
	}
	return lower
}

// jwtKeys reads the keys, or where they are.
func (c *conversion) jwtKeys(in *security.JWTRule, out *model.JWTRule, at string) {
	switch jwks, uri := in.GetJwks(), in.GetJwksUri(); {
	case jwks != "" && uri != "":
		c.bad(at+".jwks", "give jwks or jwksUri, not both")
	case jwks != "":
		out.Keys = c.keySet([]byte(jwks), at+".jwks")
	case strings.HasPrefix(uri, filePrefix):
		out.Keys = c.keyFile(uri, at+".jwksUri")
	case uri != "":
		out.KeysURL = c.webURL(uri, at+".jwksUri")
	case strings.HasPrefix(out.Issuer, "https://"), strings.HasPrefix(out.Issuer, "http://"):
		out.KeysURL, out.Discovery = c.webURL(strings.TrimSuffix(out.Issuer, "/")+discoveryPath, at+".issuer"), true
	case out.Issuer != "":
		c.add(model.Error, model.CodeMissing, at+".jwksUri", "give jwks or jwksUri", "the issuer %q is no URL: nobody can be asked where its keys are", out.Issuer)
	}
}

// keyFile reads a key set from a file, which is named from the object's folder.
func (c *conversion) keyFile(uri, field string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(uri, filePrefix), "//")
	if path == "" {
		c.bad(field, "which file?")
		return ""
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.object.Dir(), path)
	}
	b, err := c.opts.ReadFile(path)
	if err != nil {
		c.add(model.Error, model.CodeInvalidValue, field, "", "reading the key set: %v", err)
		return ""
	}
	return c.keySet(b, field)
}

func (c *conversion) keySet(b []byte, field string) string {
	set, err := ReadKeySet(b)
	if err != nil {
		c.add(model.Error, model.CodeInvalidValue, field, "give the public keys, as a JSON Web Key Set", "the key set: %v", err)
		return ""
	}
	for _, what := range set.Left {
		c.add(model.Warning, model.CodeInvalidValue, field, "give public keys of tokens' signatures only", "the key set: %s", what)
	}
	return set.Keys
}

// webURL checks a URL that is asked for keys.
func (c *conversion) webURL(text, field string) string {
	if err := model.CheckFetchURL(text); err != nil {
		c.bad(field, "%v", err)
	}
	return text
}
