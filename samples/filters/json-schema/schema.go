package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/krater-mesh/krater/filters/sdk"
)

// schema is what a value must be; what is nil or empty does not matter.
type schema struct {
	types      []string
	enum       []string // as written
	required   []string
	properties map[string]*schema
	closed     bool // no other properties
	items      *schema
	bounds     map[string]float64 // "minimum", "maxLength", …
}

var boundWords = []string{"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}

// readSchema reads a schema; a word that is not known is an error, since it
// would check nothing.
func readSchema(raw sdk.Raw) (*schema, error) {
	j, err := sdk.ParseJSON([]byte(raw))
	if err != nil {
		return nil, errors.New("schema: " + err.Error())
	}
	return compile("schema", j)
}

func compile(at string, j sdk.JSON) (*schema, error) {
	if j.Type() != "object" {
		return nil, errors.New(at + ": want an object")
	}
	s := &schema{properties: map[string]*schema{}, bounds: map[string]float64{}}
	var err error
	j.Each(func(word string, v sdk.JSON) {
		if err == nil {
			err = s.word(at+"."+word, word, v)
		}
	})
	return s, err
}

func (s *schema) word(at, word string, v sdk.JSON) (err error) {
	switch word {
	case "type":
		s.types = texts(v)
	case "required":
		s.required = texts(v)
	case "enum":
		for _, item := range v.Items() {
			s.enum = append(s.enum, item.Raw())
		}
	case "properties":
		v.Each(func(name string, p sdk.JSON) {
			if err == nil {
				s.properties[name], err = compile(at+"."+name, p)
			}
		})
	case "additionalProperties":
		s.closed = v.Raw() == "false"
	case "items":
		s.items, err = compile(at, v)
	case "title", "description", "$schema", "$id":
	default:
		if !slices.Contains(boundWords, word) {
			return errors.New(at + ": this word is not known here")
		}
		s.bounds[word], err = strconv.ParseFloat(v.Text(), 64)
	}
	return err
}

// texts is a string, or a list of them.
func texts(v sdk.JSON) []string {
	if v.Type() == "string" {
		return []string{v.Text()}
	}
	var out []string
	for _, item := range v.Items() {
		out = append(out, item.Text())
	}
	return out
}

// check says what is wrong with a value; "" is nothing.
func (s *schema) check(at string, j sdk.JSON) string {
	kind := j.Type()
	if kind == "number" && !strings.ContainsAny(j.Text(), ".eE") && slices.Contains(s.types, "integer") {
		kind = "integer"
	}
	if len(s.types) > 0 && !slices.Contains(s.types, kind) {
		return or(at, "/") + " is " + kind + ", want " + strings.Join(s.types, " or ")
	}
	if len(s.enum) > 0 && !slices.Contains(s.enum, j.Raw()) {
		return or(at, "/") + " is none of " + strings.Join(s.enum, ", ")
	}
	switch kind {
	case "object":
		return s.object(at, j)
	case "array":
		for i, item := range j.Items() {
			if s.items != nil {
				if why := s.items.check(at+"/"+strconv.Itoa(i), item); why != "" {
					return why
				}
			}
		}
		return s.within(at, "Items", float64(len(j.Items())))
	case "string":
		return s.within(at, "Length", float64(utf8.RuneCountInString(j.Text())))
	case "number", "integer":
		n, _ := strconv.ParseFloat(j.Text(), 64)
		return s.within(at, "imum", n)
	}
	return ""
}

func (s *schema) object(at string, j sdk.JSON) (why string) {
	for _, name := range s.required {
		if _, ok := j.Field(name); !ok {
			return at + "/" + name + " is missing"
		}
	}
	j.Each(func(name string, v sdk.JSON) {
		p := s.properties[name]
		switch {
		case why != "":
		case p != nil:
			why = p.check(at+"/"+name, v)
		case s.closed:
			why = at + "/" + name + " is not known"
		}
	})
	return why
}

func (s *schema) within(at, what string, n float64) string {
	if least, ok := s.bounds["min"+what]; ok && n < least {
		return or(at, "/") + " is below min" + what + " " + strconv.FormatFloat(least, 'g', -1, 64)
	}
	if most, ok := s.bounds["max"+what]; ok && n > most {
		return or(at, "/") + " is above max" + what + " " + strconv.FormatFloat(most, 'g', -1, 64)
	}
	return ""
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}
