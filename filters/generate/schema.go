package generate

import (
	"bytes"
	"encoding/json"
)

// DurationPattern is what sdk.ReadDuration reads, as a schema says it.
const DurationPattern = `^[0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h)$`

// members are a JSON object whose fields keep their order.
type members []member

type member struct {
	name  string
	value any // members, or what encoding/json writes
}

// MarshalJSON implements json.Marshaler.
func (m members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoteJSON(f.name) + ":")
		value, err := marshal(f.value)
		if err != nil {
			return nil, err
		}
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// schema is the JSON Schema (2020-12) of the configuration.
func (p *pkg) schema() []byte {
	s := p.known[root]
	out := members{{"$schema", "https://json-schema.org/draft/2020-12/schema"}}
	if s.doc != "" {
		out = append(out, member{"description", s.doc})
	}
	text, err := marshal(append(out, s.members(false)...))
	var b bytes.Buffer
	if err == nil {
		err = json.Indent(&b, text, "", "  ")
	}
	if err != nil {
		panic(err) // strings, numbers and booleans: cannot happen
	}
	return append(b.Bytes(), '\n')
}

// typeOf names the types of a value. An optional field may be null: in YAML
// that is a field with nothing behind it.
func typeOf(name string, null bool) member {
	if null {
		return member{"type", []string{name, "null"}}
	}
	return member{"type", name}
}

// members of a struct's schema.
func (s *structs) members(null bool) members {
	properties, required := members{}, []string{}
	for _, f := range s.fields {
		m := f.shape.members(!f.required)
		if f.doc != "" {
			m = append(members{{"description", f.doc}}, m...)
		}
		if f.initial != nil {
			m = append(m, member{"default", json.RawMessage(f.defaultJSON())})
		}
		properties = append(properties, member{f.name, m})
		if f.required {
			required = append(required, f.name)
		}
	}
	out := members{typeOf("object", null), {"properties", properties}}
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	return append(out, member{"additionalProperties", false})
}

func (s *shape) members(null bool) members {
	switch s.kind {
	case text:
		return append(members{typeOf("string", null)}, s.textMembers(null)...)
	case boolean:
		return members{typeOf("boolean", null)}
	case integer:
		low, high := s.limits()
		return members{typeOf("integer", null), {"minimum", low}, {"maximum", high}}
	case float:
		out := members{typeOf("number", null)}
		if s.rules.min != "" {
			out = append(out, member{"minimum", json.RawMessage(s.rules.min)})
		}
		if s.rules.max != "" {
			out = append(out, member{"maximum", json.RawMessage(s.rules.max)})
		}
		return out
	case duration:
		return members{typeOf("string", null), {"pattern", DurationPattern}}
	case secret:
		return secretMembers(null)
	case raw:
		if null {
			return members{}
		}
		return members{{"not", members{{"type", "null"}}}}
	case object:
		return s.of.members(null)
	case list:
		out := members{typeOf("array", null), {"items", s.item.itemMembers()}}
		return append(out, s.counts("minItems", "maxItems")...)
	case mapping:
		out := members{typeOf("object", null), {"additionalProperties", s.item.itemMembers()}}
		if names := s.key.textMembers(false); len(names) > 0 {
			out = append(out, member{"propertyNames", names})
		}
		return append(out, s.counts("minProperties", "maxProperties")...)
	}
	return s.item.members(null) // a pointer
}

// itemMembers is an item's schema; a Raw one may be null.
func (s *shape) itemMembers() members { return s.members(s.kind == raw) }

func (s *shape) counts(least, most string) members {
	var out members
	if s.rules.minItems > 0 {
		out = append(out, member{least, s.rules.minItems})
	}
	if s.rules.maxItems > 0 {
		out = append(out, member{most, s.rules.maxItems})
	}
	return out
}

func (s *shape) textMembers(null bool) members {
	var out members
	if s.rules.minLength > 0 {
		out = append(out, member{"minLength", s.rules.minLength})
	}
	if s.rules.maxLength > 0 {
		out = append(out, member{"maxLength", s.rules.maxLength})
	}
	if s.rules.enum != nil {
		var values []any
		for _, v := range s.rules.enum {
			values = append(values, v)
		}
		if null {
			values = append(values, nil)
		}
		out = append(out, member{"enum", values})
	}
	if s.rules.pattern != "" {
		out = append(out, member{"pattern", s.rules.pattern})
	}
	return out
}

// secretMembers allow a text, and where it comes from. writeOnly is JSON
// Schema's word for what is never shown.
func secretMembers(null bool) members {
	types := []string{"string", "object"}
	if null {
		types = append(types, "null")
	}
	name := members{{"type", "string"}, {"minLength", 1}}
	return members{
		{"type", types}, {"writeOnly", true},
		{"properties", members{{"secretRef", members{
			{"description", "A key of a Secret in the object's namespace."},
			{"type", "object"}, {"properties", members{{"name", name}, {"key", name}}},
			{"required", []string{"name", "key"}}, {"additionalProperties", false},
		}}}},
		{"required", []string{"secretRef"}}, {"additionalProperties", false},
	}
}
