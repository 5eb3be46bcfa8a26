package stages

import (
	"strings"

	"github.com/krater-mesh/krater/filters/attributes"
	"github.com/krater-mesh/krater/filters/denier"
	"github.com/krater-mesh/krater/filters/headers"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
	"github.com/krater-mesh/krater/model"
)

// builtinFilters are those of the built-in module, as its main names them. Each
// reads its configuration here as it does in the proxy.
var builtinFilters = map[string]func(h sdk.Host, config []byte) (sdk.Filter, error){
	"attributes": attributes.New,
	"denier":     denier.New,
	"headers":    headers.New,
}

// checkFilter gives what a built-in filter refuses of its configuration.
func checkFilter(url, config string) []string {
	root, ok := strings.CutPrefix(url, model.BuiltinModule)
	read := builtinFilters[root]
	if !ok || read == nil {
		return nil
	}
	if _, err := read(sdktest.NewHost(), []byte(config)); err != nil {
		return strings.Split(err.Error(), "\n")
	}
	return nil
}
