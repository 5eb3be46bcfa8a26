package sdktest

import "github.com/krater-mesh/krater/filters/sdk"

// shared is data by key.
type shared map[string]sharedValue

type sharedValue struct {
	bytes []byte
	cas   uint32
}

var _ sdk.Shared = shared(nil)

// Shared implements sdk.Host.
func (h *Host) Shared() sdk.Shared { return h.shared }

// Get implements sdk.Shared.
func (s shared) Get(key string) ([]byte, uint32, bool) {
	v, ok := s[key]
	return append([]byte(nil), v.bytes...), v.cas, ok
}

// Set implements sdk.Shared.
func (s shared) Set(key string, value []byte, cas uint32) bool {
	have := s[key]
	if cas != 0 && cas != have.cas {
		return false
	}
	s[key] = sharedValue{append([]byte(nil), value...), have.cas + 1}
	return true
}

// queues are those of this Host, by number, and of other VMs' names too.
type queues struct {
	names []string
	items [][][]byte
}

// RegisterQueue implements sdk.Host.
func (h *Host) RegisterQueue(name string) (uint32, bool) {
	if id, ok := h.ResolveQueue("", name); ok {
		return id, true
	}
	h.queues.names = append(h.queues.names, name)
	h.queues.items = append(h.queues.items, nil)
	return uint32(len(h.queues.names)), true
}

// ResolveQueue implements sdk.Host; all VM ids are one here.
func (h *Host) ResolveQueue(_, name string) (uint32, bool) {
	for i, have := range h.queues.names {
		if have == name {
			return uint32(i + 1), true
		}
	}
	return 0, false
}

// Enqueue implements sdk.Host.
func (h *Host) Enqueue(id uint32, item []byte) bool {
	if id == 0 || int(id) > len(h.queues.items) {
		return false
	}
	q := &h.queues.items[id-1]
	*q = append(*q, append([]byte(nil), item...))
	return true
}

// Dequeue implements sdk.Host.
func (h *Host) Dequeue(id uint32) ([]byte, bool) {
	if id == 0 || int(id) > len(h.queues.items) || len(h.queues.items[id-1]) == 0 {
		return nil, false
	}
	q := &h.queues.items[id-1]
	item := (*q)[0]
	*q = (*q)[1:]
	return item, true
}
