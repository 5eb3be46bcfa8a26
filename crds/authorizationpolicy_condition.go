package crds

import (
	"regexp"
	"strings"

	security "istio.io/api/security/v1beta1"

	"github.com/krater-mesh/krater/model"
)

func (c *conversion) condition(w *security.Condition, field string) model.Condition {
	if len(w.GetValues())+len(w.GetNotValues()) == 0 {
		c.missing(field, "a condition has values or notValues")
	}
	if src, ok := c.sourceCondition(w, field); ok {
		return model.Condition{Source: src}
	}
	if o, ok := c.operationCondition(w, field); ok {
		return model.Condition{Operation: o}
	}
	if path, ok := tokenKey(w.GetKey()); ok {
		return model.Condition{Claim: path, Values: c.texts(w.GetValues(), field+".values"), NotValues: c.texts(w.GetNotValues(), field+".notValues")}
	}
	if key, ok := metadataKey(w.GetKey()); ok {
		out := model.Condition{Metadata: key}
		out.Values, out.Elements = c.metadataValues(w.GetValues(), field+".values")
		out.NotValues, out.NotElements = c.metadataValues(w.GetNotValues(), field+".notValues")
		return out
	}
	out := model.Condition{Values: c.patterns(w.GetValues(), field+".values"), NotValues: c.patterns(w.GetNotValues(), field+".notValues")}
	if name, ok := declaredName(w.GetKey()); ok {
		out.Attribute = name
		return out
	}
	header, isHeader := strings.CutPrefix(w.GetKey(), "request.headers[")
	header, closed := strings.CutSuffix(header, "]")
	out.Header = strings.ToLower(header)
	switch {
	case isHeader && out.Header == peerHeader, toldOnly(w.GetKey()):
		c.unverified(field+".key", w.GetKey())
	case isHeader && closed && headerName(out.Header):
	default:
		c.add(model.Error, model.CodeInvalidValue, field+".key", "for a header: request.headers[name]; for a claim: request.auth.claims[name]; for a declared attribute: attribute.NAME", "unknown key %q", w.GetKey())
	}
	return out
}

// operationCondition converts a condition on the connection that a call came
// by; false: it is on something else.
func (c *conversion) operationCondition(w *security.Condition, field string) (*model.Operation, bool) {
	values, not := field+".values", field+".notValues"
	switch w.GetKey() {
	case "destination.ip":
		return &model.Operation{Addresses: c.cidrs(w.GetValues(), values), NotAddresses: c.cidrs(w.GetNotValues(), not)}, true
	case "destination.port":
		return &model.Operation{Ports: c.ports(w.GetValues(), values), NotPorts: c.ports(w.GetNotValues(), not)}, true
	case "connection.sni":
		return &model.Operation{ServerNames: c.texts(w.GetValues(), values), NotServerNames: c.texts(w.GetNotValues(), not)}, true
	}
	return nil, false
}

// something is what a star alone matches where a value, and not its presence,
// is compared: as in Istio, any that is not empty.
var something = model.StringMatch{Kind: model.Regex, Value: "(?s).+"}

func (c *conversion) texts(in []string, field string) []model.StringMatch {
	out := c.patterns(in, field)
	for i, m := range out {
		if m.Kind == model.Present {
			out[i] = something
		}
	}
	return out
}

var nestedKeys = regexp.MustCompile(`^(\[[^\[\]]+\])+$`)

// tokenKey is the claim that a key asks for.
func tokenKey(key string) (path []string, ok bool) {
	switch key {
	case "request.auth.audiences":
		return []string{"aud"}, true
	case "request.auth.presenter":
		return []string{"azp"}, true
	}
	names, ok := strings.CutPrefix(key, "request.auth.claims")
	if !ok || !nestedKeys.MatchString(names) {
		return nil, false
	}
	return strings.Split(names[1:len(names)-1], "]["), true
}

var metadataName = regexp.MustCompile(`^experimental\.(envoy\.filters\.[^\[\]]+)\[(.+)\]$`)

func metadataKey(key string) (*model.MetadataKey, bool) {
	parts := metadataName.FindStringSubmatch(key)
	if parts == nil {
		return nil, false
	}
	return &model.MetadataKey{Filter: parts[1], Key: parts[2]}, true
}

// metadataValues parts texts from elements of lists, which stand in brackets.
func (c *conversion) metadataValues(in []string, field string) (values, elements []model.StringMatch) {
	for i, text := range in {
		inner, isList := strings.CutPrefix(text, "[")
		inner, closed := strings.CutSuffix(inner, "]")
		if isList = isList && closed; !isList {
			inner = text
		}
		m := c.texts([]string{inner}, index(field, i))[0]
		if isList {
			elements = append(elements, m)
		} else {
			values = append(values, m)
		}
	}
	return values, elements
}
