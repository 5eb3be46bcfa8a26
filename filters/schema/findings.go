package schema

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// findings are the innermost causes.
func (s *Schema) findings(e *jsonschema.ValidationError, value any) []Finding {
	out := wrongNames(s.compiled, value, "")
	named := len(out) > 0
	var visit func(*jsonschema.ValidationError)
	visit = func(e *jsonschema.ValidationError) {
		at := path(e.InstanceLocation, value)
		switch k := e.ErrorKind.(type) {
		case *kind.AdditionalProperties:
			for _, name := range k.Properties {
				out = append(out, Finding{Field: join(at, name), Text: "unknown field"})
			}
			return
		case *kind.Required:
			for _, name := range k.Missing {
				out = append(out, Finding{Field: join(at, name), Text: "is missing"})
			}
			return
		case *kind.PropertyNames:
			if !named { // by a part of the schema that is not walked
				out = append(out, Finding{Text: "has a name that is not allowed: " + shown(k.Property)})
			}
			return
		case *kind.AnyOf, *kind.OneOf:
			out = append(out, Finding{Field: at, Text: "is none of the forms that it may have"})
			return
		}
		if len(e.Causes) == 0 {
			out = append(out, Finding{Field: at, Text: english(e)})
		}
		for _, cause := range e.Causes {
			visit(cause)
		}
	}
	visit(e)
	return out
}

func innermost(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	return e
}

// path is a location as a field's path; what is a number may be a name.
func path(location []string, value any) string {
	out := ""
	for _, part := range location {
		switch v := value.(type) {
		case []any:
			out += "[" + part + "]"
			if i, err := strconv.Atoi(part); err == nil && i < len(v) {
				value = v[i]
			}
		case map[string]any:
			out, value = join(out, part), v[part]
		default:
			out = join(out, part)
		}
	}
	return out
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// types are JSON's, as decoders name them.
var types = map[string]string{"null": "null", "boolean": "a boolean", "number": "a number", "integer": "a whole number",
	"string": "a string", "array": "a list", "object": "an object"}

// english says what is wrong in the words of generated decoders. It says
// nothing of the value where that could be a secret: only a Problem's reader
// wrote it, but a log has more readers.
func english(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		want := listed(k.Want, func(t string) string { return types[t] })
		if k.Got == "number" && slices.Equal(want, []string{types["integer"]}) {
			return "is no whole number"
		}
		return "is " + types[k.Got] + ", want " + strings.Join(want, " or ")
	case *kind.Enum:
		if len(k.Want) == 0 {
			return "is not allowed here"
		}
		return "is " + shown(k.Got) + ", want " + choices(listed(k.Want, shown))
	case *kind.Const:
		return "is " + shown(k.Got) + ", want " + shown(k.Want)
	case *kind.Minimum:
		return "is " + number(k.Got) + ", want at least " + number(k.Want)
	case *kind.Maximum:
		return "is " + number(k.Got) + ", want at most " + number(k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("has %s, want at least %d", counted(k.Got, "character"), k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("has %s, want at most %d", counted(k.Got, "character"), k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("has %s, want at least %d", counted(k.Got, "item"), k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has %s, want at most %d", counted(k.Got, "item"), k.Want)
	case *kind.MinProperties:
		return fmt.Sprintf("has %s, want at least %d", counted(k.Got, "item"), k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("has %s, want at most %d", counted(k.Got, "item"), k.Want)
	case *kind.Pattern:
		return "is " + shown(k.Got) + ", want what matches " + k.Want
	case *kind.FalseSchema:
		return "is not allowed here"
	}
	return e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
}

func counted(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return strconv.Itoa(n) + " " + of + "s"
}

// listed are what is wanted, but for null, which an absent field is; null
// where there is nothing else.
func listed[T any](want []T, show func(T) string) []string {
	var all []string
	for _, w := range want {
		if text := show(w); text != "null" {
			all = append(all, text)
		}
	}
	if all == nil {
		return []string{"null"}
	}
	return all
}

func choices(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// shown is a value, cut where it is long.
func shown(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "a value"
	}
	if r := []rune(string(b)); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return string(b)
}

func number(r *big.Rat) string {
	if r.IsInt() && r.Num().BitLen() < 100 {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}
