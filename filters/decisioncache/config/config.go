// Package config is what the decisioncache filter is told: what a decision
// depends on, who made it, and how long it holds. Shared by the control plane,
// which writes it, and the filter, which reads it. It never imports more than
// the standard library.
package config

import (
	"errors"
	"strconv"
	"strings"
)

// Config is the filter's configuration.
type Config struct {
	// PolicySet is the version of the policies whose decisions are kept. It is
	// part of every key, and an answer of another version is never kept.
	PolicySet string `json:"policySet" filter:"required,minLength=1"`
	// KeyID names the list of inputs, and changes with it. An answer that was
	// made for another list is never kept: its policy may read more.
	KeyID string `json:"keyId" filter:"required,minLength=1"`
	// Inputs are all that the policies read of a request. One that is missing
	// here lets a decision serve requests that it was not made for.
	Inputs []Input `json:"inputs" filter:"minItems=1"`
	// Token is written to filter state wasm.krater.decision where a kept decision
	// allows; what asks the policies is skipped there and nowhere else. Nobody
	// else in the proxy should be able to guess it.
	Token string `json:"token" filter:"required,minLength=16"`
	// Answer is the dynamic metadata in which the authorization says that its
	// decision may be kept: "POLICYSET KEYID ALLOW|DENY MILLISECONDS".
	Answer Answer `json:"answer"`
	// AllowMillis bounds how long an ALLOW is kept, DenyMillis a DENY, each in
	// milliseconds; 0 keeps none.
	AllowMillis int `json:"allowMillis,omitempty" filter:"min=0,max=3600000"`
	DenyMillis  int `json:"denyMillis,omitempty" filter:"min=0,max=3600000"`
	// MaxEntries and MaxBytes bound what is kept: the oldest goes first.
	MaxEntries int `json:"maxEntries,omitempty" filter:"default=10000,min=1,max=1000000"`
	MaxBytes   int `json:"maxBytes,omitempty" filter:"default=4194304,min=1024,max=67108864"`
	// MaxKey is how long a request's inputs may be together; of a longer one no
	// decision is kept.
	MaxKey int `json:"maxKey,omitempty" filter:"default=4096,min=1,max=65536"`
	// MaxBody is how much of a refusal's body is kept; a longer refusal is not.
	MaxBody int `json:"maxBody,omitempty" filter:"default=4096,min=0,max=65536"`
	// DenyHeaders are those of a refusal that are kept, in lower case.
	DenyHeaders []string `json:"denyHeaders,omitempty"`
}

// Input is one value that a policy reads; exactly one field is set. Absent
// differs from empty.
type Input struct {
	Header   string   `json:"header,omitempty"`   // in lower case; ":method", ":path" too
	Property []string `json:"property,omitempty"` // ["source","address"], ["filter_state","wasm.user"]
}

// Answer is a string of dynamic metadata.
type Answer struct {
	Namespace string `json:"namespace" filter:"default=envoy.filters.http.ext_authz"`
	Field     string `json:"field" filter:"default=krater_cache"`
}

// Validate gives all that is wrong, each with its field's path, joined.
func (c Config) Validate() error {
	var errs []error
	fail := func(field, text string) { errs = append(errs, errors.New(field+": "+text)) }
	if strings.ContainsAny(c.PolicySet, " \t\r\n") {
		fail("policySet", "must be one word")
	}
	if strings.ContainsAny(c.KeyID, " \t\r\n") {
		fail("keyId", "must be one word")
	}
	for i, in := range c.Inputs {
		at := "inputs[" + strconv.Itoa(i) + "]"
		if (in.Header == "") == (len(in.Property) == 0) {
			fail(at, "give exactly one of header, property")
		}
		if in.Header != strings.ToLower(in.Header) {
			fail(at+".header", "is not in lower case")
		}
	}
	for i, name := range c.DenyHeaders {
		if name == "" || name[0] == ':' || name != strings.ToLower(name) {
			fail("denyHeaders["+strconv.Itoa(i)+"]", "is no header name in lower case")
		}
	}
	return errors.Join(errs...)
}
