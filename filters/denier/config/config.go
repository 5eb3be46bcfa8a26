// Package config is what the denier filter is told: which requests to answer
// and with what. It never imports more than the standard library.
package config

import (
	"errors"
	"strconv"
	"strings"
)

// Config is the filter's configuration. The first rule that matches answers.
type Config struct {
	Rules []Rule `json:"rules"`
}

// Rule answers the requests that it matches.
type Rule struct {
	// Name is letters, digits, "_", "-" and "."; "denier/"+Name becomes filter
	// state wasm.krater.filter_decision.
	Name string `json:"name" filter:"required,pattern=^[A-Za-z0-9_.-]+$"`
	// Match is which requests; nothing at all is every one.
	Match Match `json:"match"`
	// Status of the answer.
	Status int `json:"status,omitempty" filter:"default=403,min=200,max=599"`
	// Body of the answer, as plain text.
	Body string `json:"body,omitempty"`
	// Headers of the answer, names in lower case.
	Headers map[string]string `json:"headers,omitempty" filter:"keys=^[!#$%&'*+.^_|~0-9a-z\\x60-]+$"`
}

// Match is met where all that is given is met; nothing given meets all.
type Match struct {
	// PathPrefix starts the path, which comes without its query; byte for byte.
	PathPrefix string `json:"pathPrefix,omitempty" filter:"pattern=^(/[^?#]*)?$"`
	// Methods are any of these, in capitals.
	Methods []string `json:"methods,omitempty" filter:"pattern=^[A-Z_-]+$"`
	// Headers by name, in lower case, equal these values.
	Headers map[string]string `json:"headers,omitempty" filter:"keys=^[!#$%&'*+.^_|~0-9a-z\\x60-]+$"`
}

// Validate gives all that is wrong, each with its field's path, joined.
func (c Config) Validate() error {
	var errs []error
	names := map[string]bool{}
	for i, r := range c.Rules {
		fail := func(field, text string) {
			errs = append(errs, errors.New("rules["+strconv.Itoa(i)+"]."+field+": "+text))
		}
		if !only(r.Name, nameBytes) {
			fail("name", quote(r.Name)+` must be letters, digits, "_", "-" and "."`)
		}
		if names[r.Name] {
			fail("name", quote(r.Name)+" is given twice")
		}
		names[r.Name] = true
		if r.Status != 0 && (r.Status < 200 || r.Status > 599) {
			fail("status", strconv.Itoa(r.Status)+" is not between 200 and 599")
		}
		validateHeaders("headers", r.Headers, fail)
		r.Match.validate(fail)
	}
	return errors.Join(errs...)
}

func (m Match) validate(fail func(field, text string)) {
	if m.PathPrefix != "" && !strings.HasPrefix(m.PathPrefix, "/") {
		fail("match.pathPrefix", quote(m.PathPrefix)+` must start with "/"`)
	}
	if strings.ContainsAny(m.PathPrefix, "?#") {
		fail("match.pathPrefix", quote(m.PathPrefix)+" can never match: a query is not part of the path")
	}
	for i, method := range m.Methods {
		if !only(method, "-_ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			fail("match.methods["+strconv.Itoa(i)+"]", quote(method)+" is no method in capitals")
		}
	}
	validateHeaders("match.headers", m.Headers, fail)
}

func validateHeaders(field string, headers map[string]string, fail func(field, text string)) {
	for name, value := range headers {
		if !only(name, tokenBytes) {
			fail(field+"."+name, "is no header name in lower case")
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			fail(field+"."+name, "a header's value has one line")
		}
	}
}

const (
	// tokenBytes are those of a header's name (RFC 9110) in lower case.
	tokenBytes = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	nameBytes  = "_-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// only tells whether text is made of these bytes, and not empty.
func only(text, bytes string) bool {
	for i := 0; i < len(text); i++ {
		if strings.IndexByte(bytes, text[i]) < 0 {
			return false
		}
	}
	return text != ""
}

// quote is strconv.Quote for texts that need no escapes; that one would weigh
// 20 kB in the module.
func quote(text string) string { return `"` + text + `"` }
