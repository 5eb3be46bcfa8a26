package vm

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

// context is what streams and connections have in common. Its id is 0 when it
// is over: then it does nothing.
type context struct {
	*plugin
	id    uint32
	local any
	calls []*call // that are out
}

// activate has the proxy send what follows to this context. It says no if the
// context is over.
func (c *context) activate() bool {
	if c.id == 0 {
		return false
	}
	if active != c.id {
		if abi.Effective(c.id) != abi.OK {
			return false
		}
		active = c.id
	}
	return true
}

// Property implements sdk.Context.
func (c *context) Property(path ...string) (string, bool) {
	if !c.activate() {
		return "", false
	}
	v, s := abi.Property(path)
	return v, s == abi.OK
}

// Local implements sdk.Context.
func (c *context) Local() any { return c.local }

// SetLocal implements sdk.Context.
func (c *context) SetLocal(v any) { c.local = v }

// Log implements sdk.Context.
func (c *context) Log(level sdk.Level, text string) { say(min(level, sdk.Error), text) }

// Host implements sdk.Context.
func (c *context) Host() sdk.Host { return c.plugin }

// HTTP implements sdk.Caller.
func (c *context) HTTP(call sdk.HTTPCall, done func(sdk.HTTPAnswer)) error {
	return c.plugin.http(c, call, done)
}

// GRPC implements sdk.Caller.
func (c *context) GRPC(call sdk.GRPCCall, done func(sdk.GRPCAnswer)) (func(), error) {
	return c.plugin.grpc(c, call, done)
}

// end forgets everything; answers of calls that are out find nobody.
func (c *context) end() {
	for _, out := range c.calls {
		out.drop()
	}
	clear(c.calls)
	*c = context{calls: c.calls[:0]}
}
