package main

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Filter writes a claim of the caller's token into a header, for routes to
// match on. It verifies nothing: what a token may open is for an
// authorization policy to say.
type Filter struct {
	sdk.Base
	config Config
	claim  []string
}

// New reads the configuration.
func New(_ sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	return &Filter{config: c, claim: strings.Split(c.Claim, ".")}, nil
}

// OnRequest writes the header, and has the proxy choose the route by it.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	token, _ := s.Request().Get("authorization")
	s.Request().Set(f.config.Header, f.value(token))
	s.ClearRouteCache()
	return sdk.Continue
}

func (f *Filter) value(token string) string {
	claims, ok := payload(token)
	for _, name := range f.claim {
		if ok {
			claims, ok = claims.Field(name)
		}
	}
	if !ok || claims.Type() != "string" || !slices.Contains(f.config.Values, claims.Text()) {
		return f.config.Default
	}
	return claims.Text()
}

// payload reads the claims of "Bearer HEADER.PAYLOAD.SIGNATURE" (RFC 7519).
func payload(token string) (sdk.JSON, bool) {
	token, ok := strings.CutPrefix(token, "Bearer ")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		return sdk.JSON{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return sdk.JSON{}, false
	}
	claims, err := sdk.ParseJSON(text)
	return claims, err == nil
}
