package sdk

import (
	"errors"
	"strconv"
	"unicode/utf8"
)

type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindList
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// value is a parsed JSON value.
type value struct {
	kind   kind
	text   string // of a string, decoded; of a number or boolean, as written
	raw    string // as it is written
	items  []value
	fields []field
}

type field struct {
	name  string
	value value
}

// maxDepth of nested lists and objects.
const maxDepth = 32

// parse reads one JSON document (RFC 8259). It is stricter where readers
// differ: a field given twice, invalid UTF-8 and a lone surrogate are errors.
func parse(raw []byte) (value, error) {
	if !utf8.Valid(raw) {
		return value{}, errors.New("not valid UTF-8")
	}
	s := scanner{text: string(raw)}
	v, err := s.value(0)
	if err == nil {
		if s.space(); s.at < len(s.text) {
			err = s.failure("more text behind the document")
		}
	}
	return v, err
}

// scanner stands at a byte of a document.
type scanner struct {
	text string
	at   int
}

func (s *scanner) failure(text string) error {
	return errors.New("at byte " + strconv.Itoa(s.at) + ": " + text)
}

// peek gives the next byte, or 0 at the end (a 0 byte is never valid).
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// take steps over a byte if it is the next one.
func (s *scanner) take(b byte) bool {
	if s.peek() != b {
		return false
	}
	s.at++
	return true
}

func (s *scanner) value(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, s.failure("nested too deep")
	}
	s.space()
	start := s.at
	v, err := s.unmarked(depth)
	v.raw = s.text[start:s.at]
	return v, err
}

// unmarked reads a value without keeping how it is written.
func (s *scanner) unmarked(depth int) (value, error) {
	switch b := s.peek(); {
	case b == '{':
		return s.object(depth)
	case b == '[':
		return s.list(depth)
	case b == '"':
		text, err := s.str()
		return value{kind: kindString, text: text}, err
	case b == '-' || b >= '0' && b <= '9':
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if len(s.text)-s.at >= len(word) && s.text[s.at:s.at+len(word)] == word {
			s.at += len(word)
			if word == "null" {
				return value{}, nil
			}
			return value{kind: kindBool, text: word}, nil
		}
	}
	return value{}, s.failure("a value is missing")
}

func (s *scanner) list(depth int) (value, error) {
	s.at++
	v := value{kind: kindList}
	if s.space(); s.take(']') {
		return v, nil
	}
	for {
		item, err := s.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
		if s.space(); s.take(']') {
			return v, nil
		}
		if !s.take(',') {
			return v, s.failure(`"," or "]" is missing`)
		}
	}
}

func (s *scanner) object(depth int) (value, error) {
	s.at++
	v := value{kind: kindObject}
	if s.space(); s.take('}') {
		return v, nil
	}
	var names nameSet
	for {
		f, err := s.field(depth)
		if err != nil {
			return v, err
		}
		if names.twice(v.fields, f.name) {
			return v, s.failure("field " + `"` + f.name + `"` + " is given twice")
		}
		v.fields = append(v.fields, f)
		if s.space(); s.take('}') {
			return v, nil
		}
		if !s.take(',') {
			return v, s.failure(`"," or "}" is missing`)
		}
	}
}

// nameSet knows an object's names: a body may have any number of them, and
// looking at all for each would take its sender's word for our time.
type nameSet map[string]bool

// fewNames are looked through one by one.
const fewNames = 16

// twice tells whether a name is among those before it.
func (n *nameSet) twice(before []field, name string) bool {
	if len(before) < fewNames {
		for i := range before {
			if before[i].name == name {
				return true
			}
		}
		return false
	}
	if *n == nil {
		*n = make(nameSet, 4*fewNames)
		for i := range before {
			(*n)[before[i].name] = true
		}
	}
	was := (*n)[name]
	(*n)[name] = true
	return was
}

func (s *scanner) field(depth int) (field, error) {
	if s.space(); s.peek() != '"' {
		return field{}, s.failure("a field's name is missing")
	}
	name, err := s.str()
	if err != nil {
		return field{}, err
	}
	if s.space(); !s.take(':') {
		return field{}, s.failure(`":" is missing`)
	}
	v, err := s.value(depth + 1)
	return field{name, v}, err
}

// number keeps a number as it is written.
func (s *scanner) number() (value, error) {
	start := s.at
	s.take('-')
	if !s.take('0') && !s.digits() {
		return value{}, s.failure("a digit is missing")
	}
	if s.take('.') && !s.digits() {
		return value{}, s.failure("a digit is missing")
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return value{}, s.failure("a digit is missing")
		}
	}
	return value{kind: kindNumber, text: s.text[start:s.at]}, nil
}

func (s *scanner) digits() bool {
	start := s.at
	for b := s.peek(); b >= '0' && b <= '9'; b = s.peek() {
		s.at++
	}
	return s.at > start
}
