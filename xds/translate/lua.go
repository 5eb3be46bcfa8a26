package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"

	"github.com/krater-mesh/krater/model"
)

// luaFilter runs a script. Envoy reads it when the slot comes: one that cannot
// be read is refused, and the slot stays as it was.
func luaFilter(f *model.FilterBinding) *corev3.TypedExtensionConfig {
	return extension("lua|"+f.Object.Key(), &luav3.Lua{
		StatPrefix:        statName(f.Object.Key()),
		DefaultSourceCode: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: f.Lua}},
	})
}
