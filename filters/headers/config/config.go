// Package config is what the headers filter is told: which headers to set, add
// and remove. It never imports more than the standard library.
package config

import (
	"errors"
	"sort"
	"strconv"
	"strings"
)

// Config is the filter's configuration.
type Config struct {
	Request  Changes `json:"request"`
	Response Changes `json:"response"`
}

// Changes are made in this order: Remove, Set, Add. Names are in lower case.
type Changes struct {
	Remove []string          `json:"remove,omitempty"`
	Set    map[string]string `json:"set,omitempty"` // instead of all values
	Add    map[string]string `json:"add,omitempty"` // beside those that are there
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
	for field, m := range map[string]map[string]string{"set": c.Set, "add": c.Add} {
		for name, value := range m {
			checkName(field+"."+name, name, fail)
			if strings.ContainsAny(value, "\r\n\x00") {
				fail(field+"."+name, "a header's value has one line")
			}
		}
	}
	sort.Slice(errs, func(i, j int) bool { return errs[i].Error() < errs[j].Error() })
	return errs
}

// tokenBytes are those of a header's name (RFC 9110) in lower case.
const tokenBytes = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"

func checkName(field, name string, fail func(field, text string)) {
	for i := 0; i < len(name); i++ {
		if strings.IndexByte(tokenBytes, name[i]) < 0 {
			fail(field, strconv.Quote(name)+" is no header name in lower case")
			return
		}
	}
	if name == "" || name == "host" {
		fail(field, strconv.Quote(name)+" cannot be changed here; a route rewrites the host")
	}
}
