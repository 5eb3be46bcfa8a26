package filtertest

import (
	"context"

	"github.com/tetratelabs/wazero/api"
)

// sharedValue is one entry of the data that a proxy's VMs share; cas counts
// its writes.
type sharedValue struct {
	data string
	cas  uint32
}

// sharedCalls are the host calls on shared data.
func (h *host) sharedCalls() map[string]any {
	return map[string]any{
		"proxy_get_shared_data": func(ctx context.Context, m api.Module, key, keySize, address, size, cas uint32) status {
			v, found := h.shared[read(m, key, keySize)]
			if !found {
				return notFound
			}
			write(m, cas, v.cas)
			return give(ctx, m, []byte(v.data), address, size)
		},
		"proxy_set_shared_data": func(_ context.Context, m api.Module, key, keySize, value, valueSize, cas uint32) status {
			k := read(m, key, keySize)
			have := h.shared[k]
			if cas != 0 && cas != have.cas {
				return casMismatch
			}
			h.shared[k] = sharedValue{read(m, value, valueSize), have.cas + 1}
			return ok
		},
	}
}

// queue is a shared queue, and the root that registered it.
type queue struct {
	name  string
	root  uint32
	items []string
}

// queueCalls are those on shared queues. All VM ids are one here.
func (h *host) queueCalls() map[string]any {
	return map[string]any{
		"proxy_register_shared_queue": func(_ context.Context, m api.Module, at, size, id uint32) status {
			_, root := h.root()
			n := read(m, at, size)
			i := h.queueOf(n)
			if i < 0 {
				i = len(h.queues)
				h.queues = append(h.queues, &queue{name: n})
			}
			h.queues[i].root = root
			write(m, id, uint32(i+1))
			return ok
		},
		"proxy_resolve_shared_queue": func(_ context.Context, m api.Module, _, _, at, size, id uint32) status {
			i := h.queueOf(read(m, at, size))
			if i < 0 {
				return notFound
			}
			write(m, id, uint32(i+1))
			return ok
		},
		"proxy_enqueue_shared_queue": func(_ context.Context, m api.Module, id, at, size uint32) status {
			if id == 0 || int(id) > len(h.queues) {
				return notFound
			}
			q := h.queues[id-1]
			q.items = append(q.items, read(m, at, size))
			h.later(func() error {
				_, err := h.module.call("proxy_on_queue_ready", q.root, uint64(id))
				return err
			})
			return ok
		},
		"proxy_dequeue_shared_queue": func(ctx context.Context, m api.Module, id, at, size uint32) status {
			if id == 0 || int(id) > len(h.queues) {
				return notFound
			}
			q := h.queues[id-1]
			if len(q.items) == 0 {
				return empty
			}
			item := q.items[0]
			q.items = q.items[1:]
			return give(ctx, m, []byte(item), at, size)
		},
	}
}

func (h *host) queueOf(name string) int {
	for i, q := range h.queues {
		if q.name == name {
			return i
		}
	}
	return -1
}
