package queues

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/vm"

//go:wasmexport proxy_on_queue_ready
func onQueueReady(id, queue uint32) { vm.QueueReady(id, queue) }
