package schema

import (
	"errors"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// wrongNames finds the names that a map's propertyNames refuse. The library
// finds them too, but its error's location may be another object's: it shares
// the memory of what is looked at next.
func wrongNames(s *jsonschema.Schema, value any, at string) []Finding {
	if s == nil {
		return nil
	}
	out := wrongNames(s.Ref, value, at)
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			out = append(out, wrongNames(s.Items2020, item, at+"["+strconv.Itoa(i)+"]")...)
		}
	case map[string]any:
		for name, item := range v {
			var invalid *jsonschema.ValidationError
			if s.PropertyNames != nil && errors.As(s.PropertyNames.Validate(name), &invalid) {
				out = append(out, Finding{Field: join(at, name), Text: "its name " + english(innermost(invalid))})
			}
			of := s.Properties[name]
			if of == nil {
				of, _ = s.AdditionalProperties.(*jsonschema.Schema)
			}
			out = append(out, wrongNames(of, item, join(at, name))...)
		}
	}
	return out
}
