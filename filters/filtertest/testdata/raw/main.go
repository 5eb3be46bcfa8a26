// Command raw is a test's filter on the upstream SDK alone: what it does is
// named by the request's path.
package main

import (
	"errors"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func init() {
	proxywasm.SetHttpContext(func(uint32) types.HttpContext { return &stream{} })
}

func main() {}

type stream struct{ types.DefaultHttpContext }

// does are the things to do, by path.
var does = map[string]func() error{
	"/pairs": func() error {
		all, err := proxywasm.GetHttpRequestHeaders()
		if err != nil {
			return err
		}
		return proxywasm.ReplaceHttpRequestHeaders(append(all, [2]string{"empty", ""}, [2]string{"x", "y"}))
	},
	"/metric": func() error {
		c := proxywasm.DefineCounterMetric("hits")
		c.Increment(2)
		if c.Value()%2 != 0 {
			return errors.New("odd")
		}
		return nil
	},
	"/shared": func() error {
		if err := proxywasm.SetSharedData("k", []byte("1"), 0); err != nil {
			return err
		}
		_, cas, err := proxywasm.GetSharedData("k")
		if err != nil {
			return err
		}
		if err := proxywasm.SetSharedData("k", []byte("2"), cas+1); !errors.Is(err, types.ErrorStatusCasMismatch) {
			return errors.New("a wrong cas was taken")
		}
		return proxywasm.SetSharedData("k", nil, cas)
	},
	"/property": func() error {
		v, err := proxywasm.GetProperty([]string{"source", "address"})
		proxywasm.LogWarn("from " + string(v))
		return err
	},
	"/call": func() error {
		_, err := proxywasm.DispatchHttpCall("c", [][2]string{{":path", "/"}}, nil, nil, 1, func(int, int, int) {})
		if !errors.Is(err, types.ErrorStatusBadArgument) {
			return errors.New("a call went out")
		}
		return nil
	},
	"/print": func() error { println("printed"); return nil },
	"/panic": func() error { panic("on purpose") },
}

func (s *stream) OnHttpRequestHeaders(int, bool) types.Action {
	path, err := proxywasm.GetHttpRequestHeader(":path")
	if do := does[path]; err == nil && do != nil {
		err = do()
	}
	if err != nil {
		proxywasm.LogCritical("failed: " + err.Error())
	}
	if path == "/pause" {
		return types.ActionPause
	}
	return types.ActionContinue
}

func (s *stream) OnHttpRequestBody(size int, end bool) types.Action {
	b, err := proxywasm.GetHttpRequestBody(0, size)
	if err == nil && end {
		err = proxywasm.ReplaceHttpRequestBody([]byte("<" + string(b) + ">"))
	}
	if err == nil {
		err = proxywasm.AppendHttpRequestBody([]byte("!"))
	}
	if err != nil {
		proxywasm.LogCritical("failed: " + err.Error())
	}
	return types.ActionContinue
}

func (s *stream) OnHttpResponseBody(size int, _ bool) types.Action {
	if err := proxywasm.PrependHttpResponseBody([]byte("> ")); err != nil {
		proxywasm.LogCritical("failed: " + err.Error())
	}
	return types.ActionContinue
}
