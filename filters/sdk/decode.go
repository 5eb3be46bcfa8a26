package sdk

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Decoder reads the fields of one JSON object. An absent or null field leaves
// its target as it is. Errors are gathered, each with its field's path.
type Decoder struct {
	path   string
	fields []field
	known  map[string]bool
	errs   *[]error
}

// Decode reads a configuration document; nothing at all counts as {}. Fields
// that read did not ask for are errors, so a misspelt one is never ignored.
func Decode(raw []byte, read func(*Decoder)) error {
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	v, err := parse(raw)
	if err != nil {
		return errors.New("the configuration is not JSON: " + err.Error())
	}
	if v.kind != kindObject {
		return errors.New("the configuration is " + v.kind.String() + ", want an object")
	}
	var errs []error
	decodeObject("", v, &errs, read)
	return errors.Join(errs...)
}

func decodeObject(path string, v value, errs *[]error, read func(*Decoder)) {
	d := Decoder{path: path, fields: v.fields, known: map[string]bool{}, errs: errs}
	read(&d)
	for _, f := range v.fields {
		if !d.known[f.name] {
			d.Fail(f.name, "unknown field")
		}
	}
}

// Fail reports what is wrong with a field.
func (d *Decoder) Fail(field, text string) {
	*d.errs = append(*d.errs, errors.New(d.at(field)+": "+text))
}

func (d *Decoder) at(field string) string {
	if d.path == "" {
		return field
	}
	return d.path + "." + field
}

// find gives a field of the wanted kind, and reports one of another kind.
func (d *Decoder) find(name string, want kind) (value, bool) {
	d.known[name] = true
	for _, f := range d.fields {
		if f.name == name && f.value.kind != kindNull {
			return f.value, d.is(name, f.value, want)
		}
	}
	return value{}, false
}

func (d *Decoder) is(name string, v value, want kind) bool {
	if v.kind != want {
		d.Fail(name, "is "+v.kind.String()+", want "+want.String())
	}
	return v.kind == want
}

// String reads a string.
func (d *Decoder) String(field string, into *string) {
	if v, ok := d.find(field, kindString); ok {
		*into = v.text
	}
}

// Bool reads true or false.
func (d *Decoder) Bool(field string, into *bool) {
	if v, ok := d.find(field, kindBool); ok {
		*into = v.text == "true"
	}
}

// Int reads a whole number below 2^31, in either direction.
func (d *Decoder) Int(field string, into *int) {
	v, ok := d.find(field, kindNumber)
	if !ok {
		return
	}
	n, ok := whole(v.text)
	if !ok {
		d.Fail(field, "is "+v.text+", want a whole number below 2^31")
		return
	}
	*into = n
}

// Strings reads a list of strings.
func (d *Decoder) Strings(field string, into *[]string) {
	v, ok := d.find(field, kindList)
	if !ok {
		return
	}
	list := make([]string, 0, len(v.items))
	for i, item := range v.items {
		if d.is(field+index(i), item, kindString) {
			list = append(list, item.text)
		}
	}
	*into = list
}

// StringMap reads an object whose values are all strings.
func (d *Decoder) StringMap(field string, into *map[string]string) {
	v, ok := d.find(field, kindObject)
	if !ok {
		return
	}
	m := make(map[string]string, len(v.fields))
	for _, f := range v.fields {
		if d.is(field+"."+f.name, f.value, kindString) {
			m[f.name] = f.value.text
		}
	}
	*into = m
}

// Object reads an object; read is not called where there is none.
func (d *Decoder) Object(field string, read func(*Decoder)) {
	if v, ok := d.find(field, kindObject); ok {
		decodeObject(d.at(field), v, d.errs, read)
	}
}

// Objects reads a list of objects; read is called for each, in order.
func (d *Decoder) Objects(field string, read func(*Decoder)) {
	v, ok := d.find(field, kindList)
	if !ok {
		return
	}
	for i, item := range v.items {
		if d.is(field+index(i), item, kindObject) {
			decodeObject(d.at(field+index(i)), item, d.errs, read)
		}
	}
}

// whole parses a number without strconv, whose errors would weigh 20 kB in
// every module.
func whole(text string) (n int, ok bool) {
	digits, negative := strings.CutPrefix(text, "-")
	for _, b := range []byte(digits) {
		if b < '0' || b > '9' || n > math.MaxInt32/10 {
			return 0, false
		}
		n = n*10 + int(b-'0')
	}
	if negative {
		n = -n
	}
	return n, n <= math.MaxInt32 && n >= -math.MaxInt32
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }
