// Package config is what the attributes filter is told: which attributes to
// draw and where from. Shared by the control plane, which writes it, and the
// filter, which reads it. It never imports more than the standard library.
package config

import (
	"errors"
	"strconv"
	"strings"
)

// Config is the filter's configuration.
type Config struct {
	Attributes []Attribute `json:"attributes"`
	// MaxBody is how many bytes of a body are read at most; a longer one has no
	// attributes.
	MaxBody int `json:"maxBody,omitempty" filter:"min=0,max=1048576"`
}

// Body tells whether bodies are read.
func (c Config) Body() bool {
	for _, a := range c.Attributes {
		if a.From.Body() {
			return true
		}
	}
	return false
}

// Attribute is one attribute to draw.
type Attribute struct {
	// Name is letters, digits, "_", "-" and "."; the value becomes filter
	// state "wasm."+Name. Names that start with "krater." are Krater's own.
	Name string `json:"name"`
	// Type is string, which is what none is, or what the text is converted to:
	// int, double, bool, duration, timestamp, ip or list. What does not convert
	// is absent, and counted.
	Type string `json:"type,omitempty" filter:"enum=string|int|double|bool|duration|timestamp|ip|list"`
	From From   `json:"from"`
	// ToHeader is a request header that carries the value upstream, in lower
	// case. What the client sent under that name is always removed.
	ToHeader string `json:"toHeader,omitempty"`
}

// From is an attribute's source; exactly one field is set, but that JSON may
// stand beside State. An empty value is none.
type From struct {
	Header string `json:"header,omitempty"` // in lower case; duplicates join by ","
	Cookie string `json:"cookie,omitempty"` // the first of that name
	Query  string `json:"query,omitempty"`  // decoded; the first of that name
	Path   string `json:"path,omitempty"`   // a Template
	// JSON is a JSON pointer, "/user/id", into a body whose content type is JSON,
	// or into the text in State.
	JSON string `json:"json,omitempty"`
	// GRPC are field numbers into the first message of a gRPC call, the outermost
	// first.
	GRPC []int `json:"grpc,omitempty" filter:"min=1,max=536870911,maxItems=16"`
	// State is the filter state that the proxy, or another filter, wrote.
	State string `json:"state,omitempty"`
	// Words parts a list at spaces, too, as OAuth's scope does.
	Words bool `json:"words,omitempty"`
}

// Body tells whether the source is in the request's body.
func (f From) Body() bool { return f.JSON != "" && f.State == "" || len(f.GRPC) > 0 }

// Validate gives all that is wrong, each with its field's path, joined.
func (c Config) Validate() error {
	var errs []error
	names, headers := map[string]bool{}, map[string]bool{}
	for i, a := range c.Attributes {
		fail := func(field, text string) {
			errs = append(errs, errors.New("attributes["+strconv.Itoa(i)+"]."+field+": "+text))
		}
		a.validate(fail)
		if names[a.Name] {
			fail("name", quote(a.Name)+" is declared twice")
		}
		if a.ToHeader != "" && headers[a.ToHeader] {
			fail("toHeader", quote(a.ToHeader)+" is written twice")
		}
		names[a.Name], headers[a.ToHeader] = true, true
	}
	return errors.Join(errs...)
}

func (a Attribute) validate(fail func(field, text string)) {
	switch {
	case a.Name == "":
		fail("name", "is missing")
	case !only(a.Name, nameBytes):
		fail("name", quote(a.Name)+` may hold letters, digits, "_", "-" and "." only`)
	case strings.HasPrefix(a.Name, "krater."):
		fail("name", `names that start with "krater." are taken`)
	}
	if a.Type != "" && !only(a.Type, typeBytes) {
		fail("type", quote(a.Type)+" is no type")
	}
	if a.ToHeader != "" && (!only(a.ToHeader, tokenBytes) || a.ToHeader == "host") {
		fail("toHeader", quote(a.ToHeader)+" is no header name in lower case, or one of routing")
	}
	a.From.validate(fail)
}

func (f From) validate(fail func(field, text string)) {
	given := 0
	for _, source := range []string{f.Header, f.Cookie, f.Query, f.Path, f.JSON, f.State} {
		if source != "" {
			given++
		}
	}
	if f.JSON != "" && f.State != "" {
		given--
	}
	if len(f.GRPC) > 0 {
		given++
	}
	if given != 1 {
		fail("from", "give exactly one of header, cookie, query, path, json, grpc, state")
	}
	if f.Header != "" && !only(strings.TrimPrefix(f.Header, ":"), tokenBytes) {
		fail("from.header", quote(f.Header)+" is no header name in lower case")
	}
	if f.Cookie != "" && !only(f.Cookie, tokenBytes+"ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		fail("from.cookie", quote(f.Cookie)+" is no cookie name")
	}
	if f.JSON != "" && f.JSON[0] != '/' {
		fail("from.json", quote(f.JSON)+` is no JSON pointer: it starts with "/"`)
	}
	if f.Path != "" {
		if _, err := ParseTemplate(f.Path); err != nil {
			fail("from.path", err.Error())
		}
	}
}

const (
	// tokenBytes are those of a header's name (RFC 9110) in lower case.
	tokenBytes = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	typeBytes  = "abcdefghijklmnopqrstuvwxyz"
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
