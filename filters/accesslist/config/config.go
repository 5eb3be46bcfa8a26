// Package config is what the accesslist filter is told: lists, and what of a
// request is looked up in each. Shared by the control plane, which writes it,
// and the filter, which reads it. It never opens a file or a connection.
package config

import (
	"errors"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/filters/ip"
)

// Config is the filter's configuration. Every list is asked, in order; the
// first that refuses answers.
type Config struct {
	Lists []List `json:"lists"`
}

// List refuses requests by one of their values.
type List struct {
	// Name is what answers, as logs and the response code details say it.
	Name string `json:"name" filter:"required,pattern=^[^ \\t\\r\\n]+$"`
	// Action is DENY, which refuses what is in the list, or ALLOW, which
	// refuses what is not, and what has no value.
	Action string `json:"action" filter:"required,enum=ALLOW|DENY"`
	// Key is the value that is looked up.
	Key Key `json:"key" filter:"required"`
	// Kind is how entries are compared: EXACT, CASE_INSENSITIVE (of ASCII
	// letters) or CIDR. There is no REGEX: Go's package would add a third to
	// every proxy's module.
	Kind string `json:"kind" filter:"required,enum=EXACT|CASE_INSENSITIVE|CIDR"`
	// Entries stand one a line. One text is what a large list costs least as.
	Entries string `json:"entries"`
	// Status of a refusal.
	Status int `json:"status,omitempty" filter:"default=403,min=400,max=599"`
	// Body of a refusal, as plain text.
	Body string `json:"body,omitempty"`
	// Shadow only counts and tells what it would refuse.
	Shadow bool `json:"shadow,omitempty"`
}

// Key is a value of a request; exactly one field is set.
type Key struct {
	// Header in lower case; duplicates join by ",". For CIDR lists of a header
	// that holds several addresses, the value is none.
	Header string `json:"header,omitempty"`
	// Property is one of the proxy's: ["source","address"], whose port is cut
	// off for CIDR; ["filter_state","wasm.user"] is the declared attribute user.
	Property []string `json:"property,omitempty"`
}

// The actions of a list.
const (
	Allow = "ALLOW"
	Deny  = "DENY"
)

// The kinds of a list.
const (
	Exact           = "EXACT"
	CaseInsensitive = "CASE_INSENSITIVE"
	CIDR            = "CIDR"
)

// Validate gives all that is wrong, each with its field's path, joined.
func (c Config) Validate() error {
	var errs []error
	for i, l := range c.Lists {
		l.validate(func(field, text string) {
			errs = append(errs, errors.New("lists["+strconv.Itoa(i)+"]."+field+": "+text))
		})
	}
	return errors.Join(errs...)
}

func (l List) validate(fail func(field, text string)) {
	if l.Name == "" || strings.ContainsAny(l.Name, " \t\r\n") {
		fail("name", "must be a word, since it stands in the response code details")
	}
	if l.Action != Allow && l.Action != Deny {
		fail("action", "want ALLOW or DENY")
	}
	if (l.Key.Header == "") == (len(l.Key.Property) == 0) {
		fail("key", "give exactly one of header, property")
	}
	if l.Key.Header != strings.ToLower(l.Key.Header) {
		fail("key.header", "is not in lower case")
	}
	if l.Status != 0 && (l.Status < 400 || l.Status > 599) {
		fail("status", strconv.Itoa(l.Status)+" is not between 400 and 599")
	}
	switch l.Kind {
	case Exact, CaseInsensitive:
	case CIDR:
		l.validateBlocks(fail)
	default:
		fail("kind", "want EXACT, CASE_INSENSITIVE or CIDR")
	}
}

// validateBlocks names the first entry that is no block.
func (l List) validateBlocks(fail func(field, text string)) {
	line := 0
	for entry := range strings.SplitSeq(l.Entries, "\n") {
		line++
		if _, ok := ip.ParseBlock(entry); entry != "" && !ok {
			fail("entries", "line "+strconv.Itoa(line)+": is no address and no CIDR block")
			return
		}
	}
}
