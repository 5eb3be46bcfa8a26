package generate

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"strconv"
	"strings"
)

// apply puts what a tag says into a shape, and, where it is a field's tag,
// into the field. A list's or map's own are minItems and maxItems; everything
// else is its items', but for keys, the pattern of a map's names.
func (p *pkg) apply(at ast.Node, tag string, s *shape, f *fieldOf) error {
	for tag != "" {
		var part string
		if strings.HasPrefix(tag, "pattern=") || strings.HasPrefix(tag, "keys=") {
			part, tag = tag, "" // it may have commas
		} else {
			part, tag, _ = strings.Cut(tag, ",")
		}
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if err := p.rule(name, value, s, f); err != nil {
			return p.errorf(at, "filter tag %s: %v", name, err)
		}
	}
	if f != nil {
		return p.fieldRules(at, f)
	}
	return nil
}

func (p *pkg) fieldRules(at ast.Node, f *fieldOf) error {
	if f.required && f.initial != nil {
		return p.errorf(at, "%s is required and has a default", f.goName)
	}
	if bounds := innermost(f.shape); bounds.rules.min != "" && bounds.rules.max != "" {
		low, _ := strconv.ParseFloat(bounds.rules.min, 64)
		high, _ := strconv.ParseFloat(bounds.rules.max, 64)
		if low > high {
			return p.errorf(at, "filter tag min: nothing is at least %s and at most %s", bounds.rules.min, bounds.rules.max)
		}
	}
	if f.initial != nil {
		if err := f.checkDefault(); err != nil {
			return p.errorf(at, "filter tag default: %v", err)
		}
	}
	return nil
}

func (p *pkg) rule(name, value string, s *shape, f *fieldOf) error {
	switch name {
	case "required", "default":
		if f == nil {
			return fmt.Errorf("it is a field's, not a type's")
		}
		if name == "required" {
			f.required = true
			return nil
		}
		f.initial = &value
		return nil
	case "minItems", "maxItems":
		if s.kind != list && s.kind != mapping {
			return fmt.Errorf("only lists and maps have items")
		}
		return count(value, map[string]*int{"minItems": &s.rules.minItems, "maxItems": &s.rules.maxItems}[name])
	}
	in := innermost(s)
	switch name {
	case "keys":
		if s.kind != mapping {
			return fmt.Errorf("only maps have names of their own")
		}
		s.key.rules.pattern = value
		_, err := compile(value)
		return err
	case "min", "max":
		return in.bound(value, map[string]*string{"min": &in.rules.min, "max": &in.rules.max}[name])
	case "minLength", "maxLength", "enum", "pattern":
		if in.kind != text {
			return fmt.Errorf("only strings have it; say more in Validate()")
		}
	}
	switch name {
	case "minLength":
		return count(value, &in.rules.minLength)
	case "maxLength":
		return count(value, &in.rules.maxLength)
	case "enum":
		in.rules.enum = strings.Split(value, "|")
		return nil
	case "pattern":
		in.rules.pattern = value
		_, err := compile(value)
		return err
	}
	return fmt.Errorf("there is no such rule")
}

// innermost is what a list, map or pointer is of.
func innermost(s *shape) *shape {
	for s.item != nil {
		s = s.item
	}
	return s
}

func count(value string, into *int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > 1<<30 {
		return fmt.Errorf("%q is no count", value)
	}
	*into = n
	return nil
}

func (s *shape) bound(value string, into *string) error {
	switch s.kind {
	case integer:
		n, err := strconv.ParseInt(value, 10, 64)
		low, high := s.bounds()
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is no whole number of type %s", value, s.goName)
		}
	case float:
		if _, err := strconv.ParseFloat(value, 64); err != nil || !json.Valid([]byte(value)) {
			return fmt.Errorf("%q is no number", value)
		}
	default:
		return fmt.Errorf("only numbers have bounds; say more in Validate()")
	}
	*into = value
	return nil
}

// bounds of a whole number's type: what every reader of JSON keeps exactly,
// and what is the same on every machine.
func (s *shape) bounds() (low, high int64) {
	switch s.base {
	case "int64":
		return -(1<<53 - 1), 1<<53 - 1
	case "uint32":
		return 0, 1<<32 - 1
	}
	return -(1<<31 - 1), 1<<31 - 1
}

func quoteJSON(s string) string {
	b, _ := json.Marshal(s) // a string always can be
	return string(b)
}
