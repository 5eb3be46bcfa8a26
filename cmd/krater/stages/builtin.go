package stages

import (
	"github.com/krater-mesh/krater/filters/accesslist"
	"github.com/krater-mesh/krater/filters/attributes"
	"github.com/krater-mesh/krater/filters/decisioncache"
	"github.com/krater-mesh/krater/filters/denier"
	"github.com/krater-mesh/krater/filters/headers"
	"github.com/krater-mesh/krater/filters/sdk"
)

// builtinFilters are those of the built-in module, as its main names them. Each
// reads its configuration here as it does in the proxy.
var builtinFilters = map[string]func(h sdk.Host, config []byte) (sdk.Filter, error){
	"accesslist":    accesslist.New,
	"attributes":    attributes.New,
	"decisioncache": decisioncache.New,
	"denier":        denier.New,
	"headers":       headers.New,
}
