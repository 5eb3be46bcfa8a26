package translate

import (
	"slices"
	"strings"

	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"

	"github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/model"
)

// attributeState is the filter state that holds an attribute's value, whoever
// drew it. A text that a filter sets is read where the filter put it, so also
// a filter behind the attributes' slot may set it.
func attributeState(a model.Attribute) string {
	if a.Wasm != "" && a.Text() {
		return "wasm." + a.Wasm
	}
	return "wasm." + a.Name
}

// rawState holds what the proxy found, for the filter to convert.
func rawState(a model.Attribute) string { return "krater.raw." + a.Name }

// nativeState says where the proxy itself puts what it draws; false: it draws
// nothing.
func nativeState(a model.Attribute) (key string, ok bool) {
	switch {
	case a.CEL == "" && len(a.Claim) == 0 && (a.Header == "" || !a.Text()):
		return "", false
	case (a.Text() || a.Typed) && plainClaim(a.Claim):
		return attributeState(a), true
	}
	return rawState(a), true
}

// plainClaim tells whether a command can name a claim.
func plainClaim(path []string) bool {
	return !slices.ContainsFunc(path, func(name string) bool { return strings.ContainsAny(name, ":()%") })
}

// wasmSource says what the filter draws an attribute from; false: there is
// nothing left to do for it.
func wasmSource(a model.Attribute) (from config.From, ok bool) {
	key, native := nativeState(a)
	switch {
	case native && key == attributeState(a), a.Wasm != "" && a.Text():
		return from, false
	case native && !plainClaim(a.Claim):
		return config.From{State: key, JSON: pointer(a.Claim), Words: true}, true
	case native:
		return config.From{State: key, Words: len(a.Claim) > 0}, true
	case a.Wasm != "":
		return config.From{State: "wasm." + a.Wasm}, true
	}
	from = config.From{Header: a.Header, Cookie: a.Cookie, Query: a.Query, Path: a.Path, JSON: a.JSON}
	for _, n := range a.GRPC {
		from.GRPC = append(from.GRPC, int(n))
	}
	return from, true
}

// drawnValue keeps a value that is not empty; a request without one keeps none.
func drawnValue(key, format string) *statev3.FilterStateValue {
	v := stateValue(key, format)
	v.GetFormatString().OmitEmptyValues = true
	v.SkipIfEmpty = true
	return v
}

// sourceFormat is how the proxy writes a source. Headers go by CEL, which
// joins duplicates as all else does; %REQ% would take the first.
func (p *proxy) sourceFormat(a model.Attribute) (string, bool) {
	switch {
	case a.Header != "":
		return celOperator("request.headers[" + celString(a.Header) + "]"), true
	case len(a.Claim) > 0:
		return claimFormat(a.Claim), true
	}
	if f, ok := formats[a.CEL]; ok {
		return f, true
	}
	return celOperator(a.CEL), true
}

// claimFormat reads a claim of the token that jwt_authn verified, and left as
// metadata: whoever sends another token gets no attribute. Lists and objects
// come as JSON; of a claim that a command cannot name, all of the payload.
func claimFormat(path []string) string {
	keys := []string{metadataJWT, "payload"}
	if plainClaim(path) {
		keys = append(keys, path...)
	}
	return "%DYNAMIC_METADATA(" + strings.Join(keys, ":") + ")%"
}

// pointer writes a path of names as a JSON pointer.
func pointer(path []string) string {
	var out strings.Builder
	for _, name := range path {
		out.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return out.String()
}

// celOperator writes an expression as a command. Its ")%" would end the
// command; in a string it is written by its code, else with a space.
func celOperator(text string) string {
	var out strings.Builder
	var quote byte
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch {
		case b == '%' && i > 0 && text[i-1] == ')' && quote != 0:
			out.WriteString(`\x25`)
			continue
		case b == '%' && i > 0 && text[i-1] == ')':
			out.WriteByte(' ')
		case quote != 0 && b == '\\' && i+1 < len(text):
			out.WriteByte(b)
			i++
			b = text[i]
		case quote == 0 && (b == '\'' || b == '"'):
			quote = b
		case b == quote:
			quote = 0
		}
		out.WriteByte(b)
	}
	return "%CEL(" + out.String() + ")%"
}
