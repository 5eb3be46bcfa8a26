package explain

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Facts are what a proxy knows of a request when lowered rules decide.
type Facts interface {
	// Fact gives one value; false: it is not there. A number, a boolean, a list
	// or an object is what encoding/json makes of it; everything else a string.
	Fact(model.ProxyInput) (any, bool)
}

// Decide is the reference evaluator of lowered rules: the first rule that
// holds; nil: none does, and policyd is asked.
func Decide(l *model.Lowered, f Facts) *model.LoweredRule {
	if l == nil {
		return nil
	}
	for i := range l.Rules {
		if Holds(l.Rules[i].When, f) {
			return &l.Rules[i]
		}
	}
	return nil
}

// Holds evaluates a condition.
func Holds(p model.Predicate, f Facts) bool {
	switch p.Op {
	case model.OpAll:
		return !slices.ContainsFunc(p.Of, func(x model.Predicate) bool { return !Holds(x, f) })
	case model.OpAny:
		return slices.ContainsFunc(p.Of, func(x model.Predicate) bool { return Holds(x, f) })
	case model.OpNot:
		return !Holds(p.Of[0], f)
	}
	return testHolds(*p.Test, f)
}

// testHolds: a test of what is not there does not hold.
func testHolds(t model.Test, f Facts) bool {
	v, ok := factOf(t.Input, f)
	if !ok {
		return false
	}
	if !t.Input.Items {
		return valueHolds(t, v)
	}
	list, ok := v.([]any)
	return ok && slices.ContainsFunc(list, func(item any) bool { return valueHolds(t, item) })
}

// factOf is a fact, or what is made of facts.
func factOf(in model.ProxyInput, f Facts) (any, bool) {
	switch {
	case in.Kind == model.InputSame:
		a, ok := factOf(in.Of[0], f)
		b, ok2 := factOf(in.Of[1], f)
		x, isText := a.(string)
		y, isText2 := b.(string)
		return strconv.FormatBool(isText && isText2 && x == y), ok && ok2
	case in.Part > 0:
		v, _ := f.Fact(model.ProxyInput{Kind: in.Kind})
		path, _ := v.(string)
		parts := strings.Split(path, "/")
		if in.Part >= len(parts) {
			return nil, false
		}
		return parts[in.Part], true
	}
	return f.Fact(in)
}

func valueHolds(t model.Test, v any) bool {
	switch v := v.(type) {
	case string:
		return textHolds(t, v)
	case bool:
		return t.How == model.TestBool && t.Values[0] == strconv.FormatBool(v) || t.How == model.TestPresent
	case json.Number:
		n, err := v.Float64()
		return err == nil && numberHolds(t, n)
	case float64:
		return numberHolds(t, v)
	case nil:
		return t.How == model.TestNull || t.How == model.TestPresent
	}
	return t.How == model.TestPresent
}

func numberHolds(t model.Test, v float64) bool {
	if t.How == model.TestPresent {
		return true
	}
	if len(t.Values) == 0 {
		return false
	}
	want, err := strconv.ParseFloat(t.Values[0], 64)
	if err != nil || math.IsNaN(want) {
		return false
	}
	switch t.How {
	case model.TestLess:
		return v < want
	case model.TestLessEqual:
		return v <= want
	case model.TestGreater:
		return v > want
	case model.TestGreaterEqual:
		return v >= want
	case model.TestEqualNumber:
		return v == want
	}
	return false
}

func textHolds(t model.Test, v string) bool {
	any := func(fits func(v, want string) bool) bool {
		return slices.ContainsFunc(t.Values, func(want string) bool { return fits(v, want) })
	}
	switch t.How {
	case model.TestPresent:
		return true
	case model.TestIn:
		return slices.Contains(t.Values, v)
	case model.TestPrefix:
		return any(strings.HasPrefix)
	case model.TestSuffix:
		return any(strings.HasSuffix)
	case model.TestContains:
		return any(strings.Contains)
	case model.TestRegex:
		return any(matchesWhole)
	case model.TestCIDR:
		return inBlocks(t.Values, v)
	}
	return false
}

// matchesWhole matches all of a text, each of its bytes a letter.
func matchesWhole(v, pattern string) bool {
	re, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return false
	}
	letters := make([]rune, len(v))
	for i := range len(v) {
		letters[i] = rune(v[i])
	}
	return re.MatchString(string(letters))
}

// RequestFacts are those of a View, and of what it does not have.
type RequestFacts struct {
	View       View
	Principal  string // the URI of the caller's certificate
	Protocol   string
	SNI        string
	SourcePort uint32
	Target     string         // the address that was called
	Claims     map[string]any // of the token that was verified; nil: none was
	Attributes map[string]any // declared ones
	Time       float64        // Unix seconds
}

var _ Facts = RequestFacts{}

// Fact implements Facts.
func (f RequestFacts) Fact(in model.ProxyInput) (any, bool) {
	switch in.Kind {
	case model.InputHeader:
		if in.Name == "host" { // it is :authority
			return nil, false
		}
		return asText(f.View.Header(in.Name))
	case model.InputPath:
		path, _, _ := strings.Cut(f.View.Path, "#")
		path, _, _ = strings.Cut(path, "?")
		return path, true
	case model.InputSourceAddress:
		return given(f.View.Peer)
	case model.InputSourcePort:
		return float64(f.SourcePort), f.View.Peer != ""
	case model.InputDestination:
		return given(f.Target)
	case model.InputDestinationPort:
		port := f.View.Port
		if f.View.Bound != 0 {
			port = f.View.Bound
		}
		return float64(port), f.Target != ""
	case model.InputPrincipal:
		return given(f.Principal)
	case model.InputSNI:
		return given(f.SNI)
	case model.InputProtocol:
		return given(f.Protocol)
	case model.InputClaim:
		return Claim(f.Claims, in.Path)
	case model.InputAttribute:
		v, ok := f.Attributes[in.Name]
		return v, ok
	case model.InputTime:
		return f.Time, true
	}
	return nil, false
}

// compared is a drawn value as lowered rules compare it: numbers and booleans
// as such, the rest as the text that it is.
func (d Drawn) compared() any {
	switch d.Type {
	case model.AttributeInt, model.AttributeDouble:
		return json.Number(d.Value)
	case model.AttributeBool:
		return d.Value == "true"
	}
	return d.Value
}

func asText(s string, ok bool) (any, bool) { return s, ok }

func given(s string) (any, bool) { return s, s != "" }

// Claim is a member of a token's payload; false: it is not there.
func Claim(payload map[string]any, path []string) (any, bool) {
	if payload == nil {
		return nil, false
	}
	var at any = payload
	for _, name := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = object[name]; !ok {
			return nil, false
		}
	}
	return at, true
}
