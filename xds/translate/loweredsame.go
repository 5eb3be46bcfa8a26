package translate

import (
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	celv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/cel/v3"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"

	"github.com/krater-mesh/krater/model"
)

const stateSame = "krater.same."

// same has written down whether two values are one text. What is not there is
// an error in CEL, and an error writes nothing.
func (in *loweredInputs) same(i model.ProxyInput) *xdscorev3.TypedExtensionConfig {
	key := stateSame + model.Hash(i.Name)
	before := len(in.states)
	input := in.state(key, celOperator(celInput(i.Of[0])+" == "+celInput(i.Of[1])))
	for _, v := range in.states[before:] {
		v.GetFormatString().Formatters = []*corev3.TypedExtensionConfig{extension("envoy.formatter.cel",
			&celv3.Cel{CelConfig: &corev3.CelExpressionConfig{EnableStringFunctions: true}})}
	}
	return input
}

// celInput reads a value in CEL.
func celInput(i model.ProxyInput) string {
	switch i.Kind {
	case model.InputPath: // it begins with a slash
		return fmt.Sprintf("request.url_path.split('/')[%d]", i.Part)
	case model.InputClaim:
		var out strings.Builder
		fmt.Fprintf(&out, "metadata.filter_metadata[%s]['payload']", celString(metadataJWT))
		for _, name := range i.Path {
			fmt.Fprintf(&out, "[%s]", celString(name))
		}
		return out.String()
	}
	return "request.headers[" + celString(i.Name) + "]"
}
