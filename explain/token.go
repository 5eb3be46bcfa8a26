package explain

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"
)

// Envoy's words for what is wrong with a token: they are the answer's body,
// and, with underscores, its response code details.
const (
	tokenOK           = ""
	tokenMissing      = "Jwt is missing"
	tokenUnknown      = "Jwt issuer is not configured"
	tokenBadForm      = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
	tokenEarly        = "Jwt not yet valid"
	tokenLate         = "Jwt is expired"
	tokenNotForUs     = "Audiences in Jwt are not allowed"
	tokenNoKey        = "Jwks doesn't have key to match kid or alg from Jwt"
	tokenUnverified   = "Jwt verification fails"
	tokenBadEd25519   = "Jwt ED25519 signature is wrong length"
	tokenSkew         = 60 * time.Second // Envoy's own, where nothing is said
	tokenAlgorithms   = " ES256 ES384 ES512 HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 EdDSA "
	tokenBadTimeRange = " field is not a positive 64 bit integer"
)

// token is a JWT that was parsed, and is not verified yet.
type token struct {
	signed, signature   string
	alg, kid            string
	issuer, subject     string
	audiences           []string
	payload             string // as it came: base64url
	claims              map[string]any
	issued, from, until float64
}

// parseToken reads a token as Envoy does; fault is in Envoy's words.
func parseToken(text string) (t token, fault string) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '.' })
	if len(parts) != 3 {
		return t, tokenBadForm
	}
	header, fault := section(parts[0], "header")
	if fault != "" {
		return t, fault
	}
	alg, isText := header["alg"].(string)
	switch {
	case !isText:
		return t, "Jwt header [alg] field is required and must be a string"
	case !strings.Contains(tokenAlgorithms, " "+alg+" "):
		return t, "Jwt header [alg] is not supported"
	}
	t.alg = alg
	if kid, has := header["kid"]; has {
		if t.kid, isText = kid.(string); !isText {
			return t, "Jwt header [kid] field is not a string"
		}
	}
	if t.claims, fault = section(parts[1], "payload"); fault != "" {
		return t, fault
	}
	if fault = t.registered(); fault != "" {
		return t, fault
	}
	signature, err := unescape(parts[2])
	if err != nil {
		return t, "Jwt signature is an invalid Base64url encoded"
	}
	t.signed, t.signature, t.payload = parts[0]+"."+parts[1], string(signature), parts[1]
	return t, ""
}

func unescape(text string) ([]byte, error) {
	text = strings.Join(strings.Fields(text), "")
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}

// section reads the header or the payload.
func section(text, name string) (map[string]any, string) {
	b, err := unescape(text)
	if err != nil {
		return nil, "Jwt " + name + " is an invalid Base64url encoded"
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil || out == nil || repeats(b) {
		return nil, "Jwt " + name + " is an invalid JSON"
	}
	return out, ""
}

// repeats tells whether an object has a name twice: Envoy takes no such token.
func repeats(b []byte) bool {
	d := json.NewDecoder(bytes.NewReader(b))
	var names []map[string]bool // of the objects that are open; nil: a list
	var atName []bool
	for {
		t, err := d.Token()
		if err != nil {
			return false // its end: it was read before
		}
		switch t {
		case json.Delim('{'):
			names, atName = append(names, map[string]bool{}), append(atName, true)
			continue
		case json.Delim('['):
			names, atName = append(names, nil), append(atName, false)
			continue
		case json.Delim('}'), json.Delim(']'):
			names, atName = names[:len(names)-1], atName[:len(atName)-1]
		}
		if n := len(names); n > 0 && names[n-1] != nil {
			if name, is := t.(string); is && atName[n-1] {
				if names[n-1][name] {
					return true
				}
				names[n-1][name], atName[n-1] = true, false
			} else {
				atName[n-1] = true // a value is over
			}
		}
	}
}

// registered reads the claims that have a meaning of their own.
func (t *token) registered() string {
	for _, c := range []struct {
		name string
		into *string
	}{{"iss", &t.issuer}, {"sub", &t.subject}} {
		if v, has := t.claims[c.name]; has {
			text, is := v.(string)
			if !is {
				return "Jwt payload [" + c.name + "] field is not a string"
			}
			*c.into = text
		}
	}
	for _, c := range []struct {
		name string
		into *float64
	}{{"iat", &t.issued}, {"nbf", &t.from}, {"exp", &t.until}} {
		if v, has := t.claims[c.name]; has {
			n, is := v.(float64)
			switch {
			case !is:
				return "Jwt payload [" + c.name + "] field is not an integer"
			case n < 0 || n >= math.MaxUint64:
				return "Jwt payload [" + c.name + "]" + tokenBadTimeRange
			}
			*c.into = math.Trunc(n)
		}
	}
	if v, has := t.claims["jti"]; has {
		if _, is := v.(string); !is {
			return "Jwt payload [jti] field is not a string"
		}
	}
	switch aud := t.claims["aud"].(type) {
	case string:
		t.audiences = []string{aud}
	case []any:
		for _, a := range aud {
			text, is := a.(string)
			if !is {
				return "Jwt payload [aud] field is not a string or string list"
			}
			t.audiences = append(t.audiences, text)
		}
	default:
		if _, has := t.claims["aud"]; has {
			return "Jwt payload [aud] field is not a string or string list"
		}
	}
	return ""
}

// timely compares the token's times; without a time of the request all do.
func (t *token) timely(now time.Time) string {
	if now.IsZero() {
		return ""
	}
	at, skew := float64(now.Unix()), tokenSkew.Seconds()
	switch {
	case at+skew < t.from:
		return tokenEarly
	case t.until != 0 && at > t.until+skew:
		return tokenLate
	}
	return ""
}

// isFor tells whether one of the audiences is asked for. As Envoy compares
// them, what stands before "//" and a slash at the end do not count.
func (t *token) isFor(audiences []string) bool {
	if len(audiences) == 0 {
		return true
	}
	bare := func(a string) string {
		if rest, ok := strings.CutPrefix(a, "https://"); ok {
			a = rest
		} else {
			a = strings.TrimPrefix(a, "http://")
		}
		return strings.TrimSuffix(a, "/")
	}
	wanted := map[string]bool{}
	for _, a := range audiences {
		wanted[bare(a)] = true
	}
	for _, a := range t.audiences {
		if wanted[bare(a)] {
			return true
		}
	}
	return false
}
