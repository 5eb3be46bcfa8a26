package main

import (
	"errors"

	"github.com/krater-mesh/krater/filters/sdk"
)

// queue hands each path to itself through a shared queue.
type queue struct {
	sdk.Base
	host sdk.Host
	id   uint32
	seen sdk.Counter
}

func newQueue(h sdk.Host, _ []byte) (sdk.Filter, error) {
	id, ok := h.RegisterQueue("paths")
	if !ok {
		return nil, errors.New("the queue cannot be registered")
	}
	return &queue{host: h, id: id, seen: h.Counter("queue_seen")}, nil
}

func (f *queue) OnRequest(s sdk.Stream) sdk.Verdict {
	path, _ := s.Request().Get(":path")
	vm, _ := f.host.Property("plugin_vm_id")
	id, ok := f.host.ResolveQueue(vm, "paths")
	if !ok || id != f.id || !f.host.Enqueue(id, []byte(path)) {
		return s.Reply(sdk.Reply{Status: 500, Body: "no queue"})
	}
	return sdk.Continue
}

func (f *queue) OnQueue(id uint32) {
	for {
		item, ok := f.host.Dequeue(id)
		if !ok {
			return
		}
		f.seen.Add(1)
		f.host.Log(sdk.Warn, "queue has "+string(item))
	}
}
