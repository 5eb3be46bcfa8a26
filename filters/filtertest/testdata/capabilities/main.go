// Command capabilities is a test's module on our SDK with one root for each
// thing that a filter can do. The same tests run it in wazero and in Envoy.
package main

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/body"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/calls"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/log"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/network"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/queues"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/timers"
	_ "github.com/krater-mesh/krater/filters/sdk/guest/trailers"
)

func init() {
	guest.Register(
		sdk.Root{ID: "chain", New: newChain},
		sdk.Root{ID: "fan", New: newFan},
		sdk.Root{ID: "bodies", New: newBodies},
		sdk.Root{ID: "chunks", New: newChunks},
		sdk.Root{ID: "postpone", New: newPostpone},
		sdk.Root{ID: "state", New: newState},
		sdk.Root{ID: "queue", New: newQueue},
		sdk.Root{ID: "tick", New: newTick},
		sdk.Root{ID: "route", New: newRoute},
		sdk.Root{ID: "answer", New: newAnswer},
		sdk.Root{ID: "late", New: newLate},
		sdk.Root{ID: "reads", New: newReads},
		sdk.Root{ID: "tcp", NewNetwork: newTCP},
	)
}

func main() {}
