// Package example has a field of every kind that a configuration can have. Its
// decoder and schema are held against each other.
package example

import (
	"errors"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Config is one of everything.
//
// A second paragraph stays one.
type Config struct {
	// Name is a text that has to be there.
	Name    string                        `json:"name" filter:"required,minLength=1,maxLength=5"`
	Mode    Mode                          `json:"mode"` // by its constants
	Color   string                        `json:"color,omitempty" filter:"default=red,enum=red|green"`
	Header  HeaderName                    `json:"header"`
	Word    string                        `json:"word" filter:"pattern=b(an){1,2}a|^$"`
	On      bool                          `json:"on" filter:"default=true"`
	Off     bool                          `json:"off" filter:"required"`
	Status  int                           `json:"status" filter:"default=403,min=200,max=599"`
	Small   int32                         `json:"small"`
	Large   int64                         `json:"large"`
	Count   uint32                        `json:"count"`
	Ratio   float64                       `json:"ratio" filter:"min=0,max=0.5"`
	Any     float64                       `json:"any"`
	Timeout time.Duration                 `json:"timeout" filter:"default=1.5s"`
	Token   sdk.Secret                    `json:"token"`
	Key     sdk.Secret                    `json:"key" filter:"required"`
	Rest    sdk.Raw                       `json:"rest"`
	Must    sdk.Raw                       `json:"must" filter:"required"`
	Rules   []Rule                        `json:"rules" filter:"minItems=1,maxItems=2"`
	Names   []HeaderName                  `json:"names" filter:"maxItems=3"`
	Bits    []int                         `json:"bits" filter:"min=0,max=1"`
	Nested  [][]string                    `json:"nested" filter:"enum=a|b"`
	Labels  map[string]string             `json:"labels" filter:"maxItems=2,minLength=1"`
	Sets    map[HeaderName]map[string]int `json:"sets" filter:"min=1"`
	ByName  map[string]Rule               `json:"byName"`
	Limit   *int                          `json:"limit" filter:"max=9"`
	Deep    *Deep                         `json:"deep"`
	At      Deep                          `json:"at"`
	Left    string                        `json:"-"`
	state   int
}

// Mode is a word of its constants.
type Mode string

// The modes.
const (
	Fast Mode = "FAST"
	Slow Mode = "SLOW"
)

// HeaderName is a header's name in lower case.
//
//filter:pattern=^[!#$%&'*+.^_`|~0-9a-z-]+$
type HeaderName string

// Rule is an item.
type Rule struct {
	Path   string `json:"path" filter:"required,pattern=^/"`
	Weight int    `json:"weight" filter:"default=1"`
}

// Deep is a struct within.
type Deep struct {
	Er struct2 `json:"er"`
}

type struct2 struct {
	Text string `json:"text" filter:"default=x"`
}

// Validate says what the tags cannot.
func (c Config) Validate() error {
	if c.Left != "" || c.state != 0 {
		return errors.New("left: is not read")
	}
	return nil
}
