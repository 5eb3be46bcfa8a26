// Command version is a Wasm filter that tells its version, and that behaves
// as its configuration says towards requests that are of the world: no check
// before it is published sees that.
package main

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
)

func init() { guest.Register(sdk.Root{New: newVersion}) }

func main() {}

// build tells modules of the same source apart.
var build = "a"

type version struct {
	sdk.Base
	version, mood string
}

func newVersion(_ sdk.Host, config []byte) (sdk.Filter, error) {
	v := &version{}
	return v, sdk.Decode(config, func(d *sdk.Decoder) {
		d.String("version", &v.version)
		d.String("mood", &v.mood)
	})
}

// mostLeaked keeps a leak from taking the machine along.
const mostLeaked = 160 << 20

var (
	leaked [][]byte
	sink   int // keeps a loop from being left out
)

func (v *version) OnRequest(s sdk.Stream) sdk.Verdict {
	if _, ok := s.Request().Get("x-world"); !ok {
		return sdk.Continue
	}
	switch v.mood {
	case "5xx":
		return s.Reply(sdk.Reply{Status: 500, Headers: [][2]string{{"x-version", v.version + build}}})
	case "slow":
		for i := range 150_000_000 { // some tenths of a second
			sink += i & 3
		}
	case "trap":
		panic("as configured")
	case "leak":
		if len(leaked)<<20 < mostLeaked {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = byte(i)
			}
			leaked = append(leaked, b)
		}
	}
	return sdk.Continue
}

func (v *version) OnResponse(s sdk.Stream) sdk.Verdict {
	s.Response().Set("x-version", v.version+build)
	return sdk.Continue
}
