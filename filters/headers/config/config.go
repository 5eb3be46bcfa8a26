// Package config is what the headers filter is told: which headers to set, add
// and remove. It never imports more than the standard library.
package config

import (
	"errors"
	"strconv"
	"strings"
)

// Config is the filter's configuration.
type Config struct {
	// Request is what becomes of requests' headers, before they go upstream.
	Request Changes `json:"request"`
	// Response is what becomes of answers' headers.
	Response Changes `json:"response"`
}

// Changes are made in this order: Remove, Set, Add. Names are in lower case.
type Changes struct {
	// Remove these headers.
	Remove []string `json:"remove,omitempty" filter:"pattern=^[!#$%&'*+.^_|~0-9a-z\\x60-]+$"`
	// Set these, instead of all values that are there.
	Set map[string]string `json:"set,omitempty" filter:"keys=^[!#$%&'*+.^_|~0-9a-z\\x60-]+$"`
	// Add these beside those that are there.
	Add map[string]string `json:"add,omitempty" filter:"keys=^[!#$%&'*+.^_|~0-9a-z\\x60-]+$"`
}

// Validate gives all that is wrong, each with its field's path, joined.
func (c Config) Validate() error {
	return errors.Join(append(c.Request.validate("request"), c.Response.validate("response")...)...)
}

func (c Changes) validate(path string) (errs []error) {
	fail := func(field, text string) { errs = append(errs, errors.New(path+"."+field+": "+text)) }
	for i, name := range c.Remove {
		checkName("remove["+strconv.Itoa(i)+"]", name, fail)
	}
	checkValues("set", c.Set, fail)
	checkValues("add", c.Add, fail)
	return errs
}

// tokenBytes are those of a header's name (RFC 9110) in lower case.
const tokenBytes = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"

func checkValues(field string, headers map[string]string, fail func(field, text string)) {
	for name, value := range headers {
		checkName(field+"."+name, name, fail)
		if strings.ContainsAny(value, "\r\n\x00") {
			fail(field+"."+name, "a header's value has one line")
		}
	}
}

func checkName(field, name string, fail func(field, text string)) {
	if name == "host" {
		fail(field, "cannot be changed here; a route rewrites the host")
	}
	if !isToken(name) {
		fail(field, quote(name)+" is no header name in lower case")
	}
}

func isToken(name string) bool {
	for i := 0; i < len(name); i++ {
		if strings.IndexByte(tokenBytes, name[i]) < 0 {
			return false
		}
	}
	return name != ""
}

// quote is strconv.Quote for texts that need no escapes; that one would weigh
// 20 kB in the module.
func quote(text string) string { return `"` + text + `"` }
