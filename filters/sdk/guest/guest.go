// Package guest joins filters to the proxy: it turns proxy-wasm's calls into
// those of sdk.Filter. Only a module's main package imports it. It never
// decides anything about a request itself, except that a change which the
// proxy refused ends the request with 500.
package guest

import (
	"errors"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Register offers roots to the proxy. Call it once, in the init function of a
// module's main package: the proxy runs no main.
func Register(roots ...sdk.Root) {
	proxywasm.SetPluginContext(func(uint32) types.PluginContext {
		return &plugin{roots: roots}
	})
}

// plugin is one binding of a root.
type plugin struct {
	types.DefaultPluginContext
	roots  []sdk.Root
	filter sdk.Filter
}

var _ types.PluginContext = (*plugin)(nil)

// OnPluginStart configures the binding, or refuses it with its reason in the log.
func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	id, _ := proxywasm.GetProperty([]string{"plugin_root_id"})
	if err := p.start(string(id), size); err != nil {
		proxywasm.LogCritical("filter " + string(id) + " refused: " + err.Error())
		return types.OnPluginStartStatusFailed
	}
	return types.OnPluginStartStatusOK
}

func (p *plugin) start(id string, size int) error {
	root, err := choose(p.roots, id)
	if err != nil {
		return err
	}
	var config []byte
	if size > 0 {
		if config, err = proxywasm.GetPluginConfiguration(); err != nil {
			return errors.New("reading the configuration: " + err.Error())
		}
	}
	p.filter, err = root.New(config)
	return err
}

// NewHttpContext starts a stream.
func (p *plugin) NewHttpContext(uint32) types.HttpContext { return &stream{filter: p.filter} }

// choose finds the root that a binding names.
func choose(roots []sdk.Root, id string) (sdk.Root, error) {
	if len(roots) == 1 && roots[0].ID == "" {
		return roots[0], nil
	}
	names := ""
	for _, r := range roots {
		if r.ID == id {
			return r, nil
		}
		names += " " + r.ID
	}
	return sdk.Root{}, errors.New("no such root; the module has:" + names)
}
