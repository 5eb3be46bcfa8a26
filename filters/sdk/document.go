package sdk

// JSON is a value of a document that a filter meets in a body or a token.
type JSON struct{ v value }

// ParseJSON reads a document (RFC 8259). It is stricter where readers differ:
// a field given twice, invalid UTF-8 and a lone surrogate are errors. Nested
// deeper than 32, a document is refused.
func ParseJSON(raw []byte) (JSON, error) {
	v, err := parse(raw)
	return JSON{v}, err
}

// Field finds a field of an object.
func (j JSON) Field(name string) (JSON, bool) {
	for _, f := range j.v.fields {
		if f.name == name {
			return JSON{f.value}, true
		}
	}
	return JSON{}, false
}

// Names gives the names of an object's fields, in order.
func (j JSON) Names() []string {
	names := make([]string, 0, len(j.v.fields))
	for _, f := range j.v.fields {
		names = append(names, f.name)
	}
	return names
}

// Items gives a list's values.
func (j JSON) Items() []JSON {
	items := make([]JSON, 0, len(j.v.items))
	for _, v := range j.v.items {
		items = append(items, JSON{v})
	}
	return items
}

// Type is the value's, in JSON Schema's words: "null", "boolean", "number",
// "string", "array" or "object".
func (j JSON) Type() string {
	return [...]string{"null", "boolean", "number", "string", "array", "object"}[j.v.kind]
}

// Text is a string's content, and a number or boolean as it is written.
func (j JSON) Text() string { return j.v.text }

// Raw is the value as it is written.
func (j JSON) Raw() string { return j.v.raw }

// Each calls do for each of an object's fields, in order.
func (j JSON) Each(do func(name string, value JSON)) {
	for _, f := range j.v.fields {
		do(f.name, JSON{f.value})
	}
}
