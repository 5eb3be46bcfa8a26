package sdk

import (
	"errors"
	"unicode/utf8"
)

// Value is one JSON value of a configuration, at its path. Functions named
// Read… take it; what is wrong with it is gathered, and leaves the target as it
// is. Generated decoders are made of them.
type Value struct {
	v    *value
	path string // "" is the configuration itself
	errs *[]error
}

// Read reads a configuration document of any kind; nothing at all counts as {}.
func Read(raw []byte, read func(Value)) error {
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	v, err := parse(raw)
	if err != nil {
		return errors.New("the configuration is not JSON: " + err.Error())
	}
	var errs []error
	read(Value{&v, "", &errs})
	return errors.Join(errs...)
}

// Fail reports what is wrong with the value.
func (v Value) Fail(text string) {
	if v.path == "" {
		*v.errs = append(*v.errs, errors.New("the configuration "+text))
		return
	}
	*v.errs = append(*v.errs, errors.New(v.path+": "+text))
}

func (v Value) is(want kind) bool {
	if v.v.kind != want {
		v.Fail("is " + v.v.kind.String() + ", want " + want.String())
	}
	return v.v.kind == want
}

// Get gives a field; ok is false where it is absent or null.
func (d *Decoder) Get(field string) (v Value, ok bool) {
	d.known[field] = true
	for i := range d.fields {
		if f := &d.fields[i]; f.name == field && f.value.kind != kindNull {
			return Value{&f.value, d.at(field), d.errs}, true
		}
	}
	return Value{}, false
}

// Need is Get for a field that has to be there.
func (d *Decoder) Need(field string) (v Value, ok bool) {
	if v, ok = d.Get(field); !ok {
		d.Fail(field, "is missing")
	}
	return v, ok
}

// ReadObject reads an object. Fields that read did not ask for are errors.
func ReadObject(v Value, read func(*Decoder)) {
	if v.is(kindObject) {
		decodeObject(v.path, *v.v, v.errs, read)
	}
}

// ReadBool reads true or false.
func ReadBool[T ~bool](v Value, into *T) {
	if v.is(kindBool) {
		*into = v.v.text == "true"
	}
}

// ReadRaw gives the text of a value, whatever it is.
func ReadRaw[T ~string](v Value, into *T) { *into = T(v.v.raw) }

// Text is what a string must be; zero fields do not matter.
type Text struct {
	MinLength, MaxLength int // in characters
	Enum                 []string
	Pattern              *Pattern
}

// ReadText reads a string.
func ReadText[T ~string](v Value, into *T, want Text) {
	if !v.is(kindString) {
		return
	}
	if wrong := want.check(v.v.text); wrong != "" {
		v.Fail(wrong)
		return
	}
	*into = T(v.v.text)
}

// check says what is wrong with a text; "" is nothing.
func (t *Text) check(text string) string {
	if t.MinLength > 0 || t.MaxLength > 0 {
		switch n := utf8.RuneCountInString(text); {
		case n < t.MinLength:
			return "has " + characters(n) + ", want at least " + decimal(t.MinLength)
		case t.MaxLength > 0 && n > t.MaxLength:
			return "has " + characters(n) + ", want at most " + decimal(t.MaxLength)
		}
	}
	if t.Enum != nil && !oneOf(t.Enum, text) {
		return "is " + quote(text) + ", want " + choices(t.Enum)
	}
	if t.Pattern != nil && !t.Pattern.Match(text) {
		return "is " + quote(text) + ", want what matches " + t.Pattern.Source
	}
	return ""
}

func oneOf(list []string, text string) bool {
	for _, s := range list {
		if s == text {
			return true
		}
	}
	return false
}

func choices(list []string) string {
	out := ""
	for i, s := range list {
		switch {
		case i > 0 && i == len(list)-1:
			out += " or "
		case i > 0:
			out += ", "
		}
		out += quote(s)
	}
	return out
}

// quote is strconv.Quote for texts that need no escapes; that one would weigh
// 20 kB in the module. Long texts are cut.
func quote(text string) string {
	if len(text) > 100 {
		return `"` + text[:100] + `…"`
	}
	return `"` + text + `"`
}

func characters(n int) string {
	if n == 1 {
		return "1 character"
	}
	return decimal(n) + " characters"
}
