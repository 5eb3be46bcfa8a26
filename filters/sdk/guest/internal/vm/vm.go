// Package vm turns the proxy's callbacks into calls of filters: it knows the
// contexts that are alive, and which one the proxy's answers go to. It decides
// nothing about a request, except that a change which the proxy refused ends
// it with 500. The packages of guest export its functions.
package vm

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

// Roots are what the module offers.
var Roots []sdk.Root

// Part is a group of callbacks that a module may export.
type Part uint16

// The parts, by the package that exports each.
const (
	RequestBodies Part = 1 << iota
	ResponseBodies
	RequestTrailersPart
	ResponseTrailersPart
	Log
	Calls
	Timers
	Queues
	Network
)

// linked are the parts that the module exports.
var linked Part

// Link is called by the init of the package that exports a part.
func Link(p Part) { linked |= p }

// packages has the name of each part's package.
var packages = [...]string{"requestbody", "responsebody", "requesttrailers", "responsetrailers", "log", "calls", "timers", "queues", "network"}

// missing says what to import for a part; "" if it is linked.
func missing(p Part, what string) string {
	if linked&p != 0 {
		return ""
	}
	name := ""
	for i, n := range packages {
		if p == 1<<i {
			name = n
		}
	}
	return what + ", so the module's main must import github.com/krater-mesh/krater/filters/sdk/guest/" + name
}

// The proxy sends what a callback does to the callback's own context, until
// another is made effective. active is the one that it goes to now.
var current, active uint32

// enter begins a callback. Callbacks do not nest in Envoy; elsewhere leave
// restores what the outer one had, as the proxy does.
func enter(id uint32) (outerCurrent, outerActive uint32) {
	outerCurrent, outerActive = current, active
	current, active = id, id
	callbacks++
	return outerCurrent, outerActive
}

func leave(outerCurrent, outerActive uint32) {
	current, active = outerCurrent, outerActive
	callbacks++
}

// trapped is deferred by each callback. A panic ends the VM, and no proxy ends
// the requests that its filters hold: they would hang. So they are answered
// before it goes on its way. That of the callback itself is the proxy's to
// end, by its failure policy.
func trapped() {
	reason := recover()
	if reason == nil {
		return
	}
	streams.each(func(s *stream) {
		if s.id != current && (s.request.paused || s.response.paused) && s.activate() {
			s.send(sdk.Reply{Status: 503, Details: "filter_trapped"})
		}
	})
	panic(reason)
}

// say writes a line to the proxy's log.
func say(level sdk.Level, text string) { abi.Log(uint32(level)+1, text) }
