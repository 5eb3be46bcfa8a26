// Command builtin is the one Wasm module of all built-in filters. A binding's
// root_id picks the filter. It never holds logic: each filter is a package of
// its own, and this is their list.
package main

import (
	"github.com/krater-mesh/krater/filters/accesslist"
	"github.com/krater-mesh/krater/filters/attributes"
	"github.com/krater-mesh/krater/filters/decisioncache"
	"github.com/krater-mesh/krater/filters/denier"
	"github.com/krater-mesh/krater/filters/fused"
	"github.com/krater-mesh/krater/filters/headers"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/requestbody"
)

// roots are the filters, by root_id. A new filter is one line here. Root "fused"
// runs several of them in one.
var roots = []sdk.Root{
	{ID: "accesslist", New: accesslist.New},
	{ID: "attributes", New: attributes.New},
	{ID: "decisioncache", New: decisioncache.New},
	{ID: "denier", New: denier.New},
	{ID: "headers", New: headers.New},
}

func init() { guest.Register(append(roots, fused.Root(roots))...) }

func main() {}
