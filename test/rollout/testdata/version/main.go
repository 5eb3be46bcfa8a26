// Command version is a Wasm filter that tells its version, and that behaves
// as its configuration says towards requests that are of the world: no check
// before it is published sees that.
package main

import (
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/timers"
)

func init() { guest.Register(sdk.Root{New: newVersion}) }

func main() {}

// build tells modules of the same source apart.
var build = "a"

type version struct {
	sdk.Base
	version, mood string
	waiting       []waiting
}

func newVersion(h sdk.Host, config []byte) (sdk.Filter, error) {
	v := &version{}
	h.TickEvery(tick)
	return v, sdk.Decode(config, func(d *sdk.Decoder) {
		d.String("version", &v.version)
		d.String("mood", &v.mood)
	})
}

// mostLeaked keeps a leak from taking the machine along.
const mostLeaked = 160 << 20

var leaked [][]byte

// slowTicks are two seconds: more than a proxy takes on a busy machine.
const (
	tick      = 100 * time.Millisecond
	slowTicks = 20
)

// waiting is a request that is let go after some ticks.
type waiting struct {
	sdk.Stream
	ticks int
}

func (v *version) OnTick() {
	still := v.waiting[:0]
	for _, w := range v.waiting {
		if w.ticks--; w.ticks > 0 {
			still = append(still, w)
		} else {
			w.ResumeRequest()
		}
	}
	v.waiting = still
}

func (v *version) OnRequest(s sdk.Stream) sdk.Verdict {
	if _, ok := s.Request().Get("x-world"); !ok {
		return sdk.Continue
	}
	switch v.mood {
	case "5xx":
		return s.Reply(sdk.Reply{Status: 500, Headers: [][2]string{{"x-version", v.version + build}}})
	case "slow":
		v.waiting = append(v.waiting, waiting{s, slowTicks})
		return sdk.Pause
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
