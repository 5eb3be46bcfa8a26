package snapshot

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/google/cel-go/cel"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/model/attribute"
)

// expressions checks CEL over the vocabulary and the declared attributes.
type expressions struct {
	env      *cel.Env
	types    map[string]attribute.Type
	redacted []string
}

// newExpressions knows the attributes of every request that a filter takes, and
// the declared ones.
func newExpressions(sets []*model.AttributeSet, takes func(attribute.Info) bool) *expressions {
	x := &expressions{types: map[string]attribute.Type{}}
	for _, i := range attribute.Vocabulary {
		if takes == nil || takes(i) {
			x.types[i.Name] = i.Type
		}
	}
	for _, s := range sets {
		for _, a := range s.Attributes {
			for _, name := range []string{a.Name, "attribute." + a.Name} {
				x.types[name] = attributeType(a.Type)
				if a.Redact {
					x.redacted = append(x.redacted, name)
				}
			}
		}
	}
	// The map is there for has(attribute.NAME): CEL asks maps only.
	vars := []cel.EnvOption{cel.Variable("attribute", cel.MapType(cel.StringType, cel.DynType))}
	for name, t := range x.types {
		vars = append(vars, cel.Variable(name, celType(t)))
	}
	env, err := cel.NewEnv(vars...)
	if err != nil { // names were checked when they were declared
		env, _ = cel.NewEnv()
	}
	x.env = env
	return x
}

// attributeType is what an expression takes a declared attribute for. Of a
// list it knows the text.
func attributeType(t model.AttributeType) attribute.Type {
	switch t {
	case model.AttributeInt:
		return attribute.Int
	case model.AttributeDouble:
		return attribute.Double
	case model.AttributeBool:
		return attribute.Bool
	case model.AttributeDuration:
		return attribute.Duration
	case model.AttributeTimestamp:
		return attribute.Time
	}
	return attribute.String
}

func celType(t attribute.Type) *cel.Type {
	switch t {
	case attribute.String:
		return cel.StringType
	case attribute.Int:
		return cel.IntType
	case attribute.Double:
		return cel.DoubleType
	case attribute.Bool:
		return cel.BoolType
	case attribute.Time:
		return cel.TimestampType
	case attribute.Duration:
		return cel.DurationType
	case attribute.Bytes:
		return cel.BytesType
	case attribute.Map:
		return cel.MapType(cel.StringType, cel.StringType)
	}
	return cel.DynType
}

var (
	errNotCondition = errors.New("it is no condition: want true or false")
	errNotNumber    = errors.New("want an attribute that is a number or a duration")
	errNotPlain     = errors.New("it is a map: want one value")
)

// condition checks an expression that is true or false.
func (x *expressions) condition(text string) error {
	ast, err := x.compile(text)
	if err == nil && ast.OutputType() != cel.BoolType {
		err = errNotCondition
	}
	return err
}

// value checks an attribute's name, or an expression with one plain value.
func (x *expressions) value(text string) error {
	ast, err := x.compile(text)
	if err != nil {
		return err
	}
	if k := ast.OutputType().Kind(); k == cel.MapKind || k == cel.ListKind {
		return errNotPlain
	}
	for _, r := range ast.NativeRep().ReferenceMap() {
		if slices.Contains(x.redacted, r.Name) {
			return fmt.Errorf("the attribute %s is redacted: its value never leaves the proxy", r.Name)
		}
	}
	return nil
}

// number checks the name of an attribute that can be measured.
func (x *expressions) number(text string) error {
	t, ok := x.types[text]
	switch {
	case !ok:
		return unknownAttribute(text)
	case t == attribute.Int, t == attribute.Double, t == attribute.Duration:
		return nil
	}
	return errNotNumber
}

func (x *expressions) compile(text string) (*cel.Ast, error) {
	if len(text) > 4096 {
		return nil, errors.New("it is longer than 4096 letters")
	}
	ast, issues := x.env.Compile(text)
	if err := issues.Err(); err != nil {
		first := issues.Errors()[0]
		if m := undeclared.FindStringSubmatch(first.Message); m != nil {
			return nil, unknownAttribute(attributeAt(text, first.Location.Column(), m[1]))
		}
		return nil, fmt.Errorf("line %d, column %d: %s", first.Location.Line(), first.Location.Column()+1, first.Message)
	}
	return ast, x.evaluable(ast)
}

var undeclared = regexp.MustCompile(`undeclared reference to '([^']+)'`)

type unknownAttribute string

func (u unknownAttribute) Error() string { return "unknown attribute " + string(u) }

// hint suggests an attribute for an unknown one.
func (x *expressions) hint(err error) string {
	var u unknownAttribute
	if !errors.As(err, &u) {
		return ""
	}
	var names []string
	for name := range x.types {
		names = append(names, name)
	}
	sort.Strings(names)
	if best := crds.Nearest(string(u), names); best != "" {
		return "did you mean " + best + "?"
	}
	return ""
}

// attributeAt gives the whole dotted name, of which CEL tells the first word.
func attributeAt(text string, column int, word string) string {
	if i := strings.Index(text, word); i >= 0 && column >= 0 {
		end := i
		for end < len(text) && (text[end] == '.' || text[end] == '_' || text[end] >= 'a' && text[end] <= 'z' ||
			text[end] >= 'A' && text[end] <= 'Z' || text[end] >= '0' && text[end] <= '9') {
			end++
		}
		return strings.TrimSuffix(text[i:end], ".")
	}
	return word
}
