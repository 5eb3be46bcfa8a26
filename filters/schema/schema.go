// Package schema holds a filter's configuration against its JSON Schema, and
// says what is wrong with it field by field. The schema may be a stranger's: it
// loads nothing, and one that would cost much to check by is refused.
package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a compiled one.
type Schema struct {
	compiled *jsonschema.Schema
	document any
}

// Finding is what is wrong with a configuration.
type Finding struct {
	Field   string // "rules[0].status"; "" is the configuration itself
	Text    string
	Warning bool // it is not refused for that
}

// String is what a filter's own decoder would say.
func (f Finding) String() string {
	if f.Field == "" {
		return "the configuration " + f.Text
	}
	return f.Field + ": " + f.Text
}

// Compile reads a schema, of the draft 2020-12 if it does not say.
func Compile(text string) (*Schema, error) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, errors.New("the schema is not JSON")
	}
	if err := bounded(document); err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(root, document); err != nil {
		return nil, fmt.Errorf("the schema cannot be read: %w", err)
	}
	compiled, err := c.Compile(root)
	if err != nil {
		return nil, errors.New("the schema is none: " + firstCause(err))
	}
	return &Schema{compiled, document}, nil
}

// root names the document to the library; it is never looked up.
const root = "krater:config.schema.json"

// noLoader refuses what a schema refers to: it would be read from disk or
// network.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%q is not part of it", url)
}

// firstCause is the innermost of a library's error, on one line.
func firstCause(err error) string {
	var schema *jsonschema.SchemaValidationError
	if errors.As(err, &schema) {
		err = schema.Err
	}
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		for len(invalid.Causes) > 0 {
			invalid = invalid.Causes[0]
		}
		return "/" + strings.Join(invalid.InstanceLocation, "/") + " " + english(invalid)
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// Check gives what is wrong with a configuration; "" counts as {}.
func (s *Schema) Check(config string) []Finding {
	if config == "" {
		config = "{}"
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(config))
	if err != nil {
		return []Finding{{Text: "is not JSON"}}
	}
	if found := wrongNumbers(value, ""); len(found) > 0 {
		return inOrder(found)
	}
	var invalid *jsonschema.ValidationError
	if errors.As(s.compiled.Validate(value), &invalid) {
		return inOrder(s.findings(invalid, value))
	}
	return inOrder(plainSecrets(s.document, value, ""))
}

// inOrder sorts by the fields, and says nothing twice.
func inOrder(list []Finding) []Finding {
	slices.SortFunc(list, func(a, b Finding) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(list)
}
