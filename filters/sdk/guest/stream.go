package guest

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"github.com/krater-mesh/krater/filters/sdk"
)

// stream is one request, to the proxy and to the filter.
type stream struct {
	types.DefaultHttpContext
	filter  sdk.Filter
	local   any
	refused string // the first change that the proxy refused
}

var (
	_ sdk.Stream        = (*stream)(nil)
	_ types.HttpContext = (*stream)(nil)
)

// OnHttpRequestHeaders implements types.HttpContext.
func (s *stream) OnHttpRequestHeaders(int, bool) types.Action {
	return s.action(s.filter.OnRequest(s))
}

// OnHttpResponseHeaders implements types.HttpContext.
func (s *stream) OnHttpResponseHeaders(int, bool) types.Action {
	return s.action(s.filter.OnResponse(s))
}

// OnHttpStreamDone implements types.HttpContext.
func (s *stream) OnHttpStreamDone() { s.filter.OnDone(s) }

// action ends the request where a change was refused: a filter that could not
// remove a header must not let it pass.
func (s *stream) action(v sdk.Verdict) types.Action {
	if s.refused != "" {
		proxywasm.LogError("the proxy refused " + s.refused)
		s.refused = ""
		v = s.Reply(sdk.Reply{Status: 500, Details: "filter_change_refused"})
	}
	if v == sdk.Stop {
		return types.ActionPause
	}
	return types.ActionContinue
}

// check remembers a change that failed.
func (s *stream) check(doing, name string, err error) {
	if err != nil && s.refused == "" {
		s.refused = doing + " " + name + ": " + err.Error()
	}
}

// Request implements sdk.Stream.
func (s *stream) Request() sdk.Headers { return (*requestHeaders)(s) }

// Response implements sdk.Stream.
func (s *stream) Response() sdk.Headers { return (*responseHeaders)(s) }

// Property implements sdk.Stream.
func (s *stream) Property(path ...string) (string, bool) {
	b, err := proxywasm.GetProperty(path)
	return string(b), err == nil
}

// SetProperty implements sdk.Stream.
func (s *stream) SetProperty(name, value string) {
	s.check("setting property", name, setProperty(name, value))
}

// Reply implements sdk.Stream.
func (s *stream) Reply(r sdk.Reply) sdk.Verdict {
	if err := reply(r); err != nil {
		proxywasm.LogError("the proxy refused a reply: " + err.Error())
	}
	return sdk.Stop
}

// Local implements sdk.Stream.
func (s *stream) Local() any { return s.local }

// SetLocal implements sdk.Stream.
func (s *stream) SetLocal(v any) { s.local = v }

// Log implements sdk.Stream.
func (s *stream) Log(level sdk.Level, text string) {
	switch level {
	case sdk.Debug:
		proxywasm.LogDebug(text)
	case sdk.Info:
		proxywasm.LogInfo(text)
	case sdk.Warn:
		proxywasm.LogWarn(text)
	default:
		proxywasm.LogError(text)
	}
}
