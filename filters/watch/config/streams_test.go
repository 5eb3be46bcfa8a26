package config_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/krater-mesh/krater/filters/watch/config"
)

const looks = 3 // the limit

// stream is a request as both instances see it: where it and its answer came
// into the filter, and where they left.
type stream struct {
	before, behind uint32 // contexts
	state          map[string][]byte
	in, out        [2]int // request, answer: 1 headers, 2 all of it
	waits          [2][2]int
}

// look counts, and tells whether something has waited for too long.
func (s *stream) look() (over bool) {
	for direction := range s.in {
		for level := range 2 {
			if s.in[direction] > level && s.out[direction] <= level && (direction == 1 || s.out[1] == 0) {
				s.waits[direction][level]++
				over = over || s.waits[direction][level] > looks
			}
		}
	}
	return over
}

// proxy is as much of one as the watch asks for.
type proxy struct {
	t         *testing.T
	module    api.Module
	streams   map[uint32]*stream // by both contexts
	effective uint32
	now       int64
	answered  map[*stream]bool
	calls     int // of the watch
}

func (p *proxy) call(name string, args ...uint64) {
	p.t.Helper()
	if _, err := p.module.ExportedFunction(name).Call(context.Background(), args...); err != nil {
		p.t.Fatalf("%s: %v", name, err)
	}
}

func (p *proxy) text(at, size uint32) string {
	b, _ := p.module.Memory().Read(at, size)
	return string(b)
}

func (p *proxy) getProperty(_ context.Context, at, size, to, toSize uint32) uint32 {
	p.calls++
	s := p.streams[p.effective]
	if s == nil {
		return 1
	}
	value, ok := s.state[p.text(at, size)]
	if p.text(at, size) == "plugin_root_id" {
		value, ok = []byte("qfilter000003"), true
		if p.effective == s.behind {
			value[0] = 'r'
		}
	}
	if !ok {
		return 1
	}
	got, err := p.module.ExportedFunction("proxy_on_memory_allocate").Call(context.Background(), uint64(len(value)))
	if err != nil {
		p.t.Fatal(err)
	}
	m := p.module.Memory()
	m.Write(uint32(got[0]), value)
	m.WriteUint32Le(to, uint32(got[0]))
	m.WriteUint32Le(toSize, uint32(len(value)))
	return 0
}

func (p *proxy) setProperty(_ context.Context, at, size, value, valueSize uint32) uint32 {
	p.calls++
	p.streams[p.effective].state[p.text(at, size)] = []byte(p.text(value, valueSize))
	return 0
}

func start(t *testing.T) *proxy {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = r.Close(ctx) })
	p := &proxy{t: t, streams: map[uint32]*stream{}, answered: map[*stream]bool{}}
	b := r.NewHostModuleBuilder("env")
	for name, f := range map[string]any{
		"proxy_get_property": p.getProperty,
		"proxy_set_property": p.setProperty,
		"proxy_set_effective_context": func(_ context.Context, c uint32) uint32 {
			p.calls++
			p.effective = c
			if c != 1 && p.streams[c] == nil {
				return 1
			}
			return 0
		},
		"proxy_set_tick_period_milliseconds": func(context.Context, uint32) uint32 { return 0 },
		"proxy_get_current_time_nanoseconds": func(_ context.Context, at uint32) uint32 {
			p.module.Memory().WriteUint64Le(at, uint64(p.now))
			return 0
		},
		"proxy_send_local_response": func(context.Context, uint32, uint32, uint32, uint32, uint32, uint32, uint32, uint32) uint32 {
			p.answered[p.streams[p.effective]] = true
			return 0
		},
		"proxy_close_stream": func(context.Context, uint32) uint32 { return 0 },
		"proxy_log":          func(context.Context, uint32, uint32, uint32) uint32 { return 0 },
	} {
		b.NewFunctionBuilder().WithFunc(f).Export(name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.module, err = r.Instantiate(ctx, config.Module); err != nil {
		t.Fatal(err)
	}
	return p
}

// step lets one stream go on by one event, if the filter and chance will.
func (p *proxy) step(s *stream) {
	direction, in := rand.IntN(2), rand.IntN(2) == 0
	from, at := &s.out[direction], s.behind
	if in {
		from = &s.in[direction]
	}
	if in == (direction == 0) {
		at = s.before
	}
	most := 2
	if !in {
		most = s.in[direction] // nothing leaves that did not come
	} else if direction == 1 {
		most = 2 * min(1, s.out[0]) // no answer before the request
	}
	if *from >= most || rand.IntN(3) == 0 {
		return
	}
	level := *from + 1 + rand.IntN(most-*from)
	name := [2]string{"proxy_on_request_", "proxy_on_response_"}[direction]
	if *from == 0 {
		p.call(name+"headers", uint64(at), 1, uint64(level-1))
	} else {
		p.call(name+"body", uint64(at), 1, 1)
	}
	*from = level
}

func (p *proxy) end(s *stream) {
	delete(p.streams, s.before)
	delete(p.streams, s.behind)
	p.call("proxy_on_delete", uint64(s.before))
	if s.out[0] > 0 {
		p.call("proxy_on_delete", uint64(s.behind))
	}
}

// TestWhatWaitsIsEnded: of requests that come, go on and end in any order, those
// are answered that waited for longer than the limit, and no other.
func TestWhatWaitsIsEnded(t *testing.T) {
	p := start(t)
	var all []*stream
	next, ended := uint32(10), 0
	for range 800 {
		for range rand.IntN(4) {
			s := &stream{before: next, behind: next + 1, state: map[string][]byte{}}
			next += uint32(2 + 16382*rand.IntN(2)) // often in the same list
			p.streams[s.before], p.streams[s.behind] = s, s
			p.call("proxy_on_request_headers", uint64(s.before), 1, 0)
			s.in[0] = 1
			all = append(all, s)
		}
		for range 4 * len(all) {
			p.step(all[rand.IntN(len(all))])
		}
		p.now += 250e6
		p.call("proxy_on_tick", 1)
		var left []*stream
		for _, s := range all {
			over := s.look()
			if over != p.answered[s] {
				t.Fatalf("answered: %v, want %v: %+v", p.answered[s], over, s)
			}
			if over {
				ended++
				if said := string(s.state["krater.filter_decision"]); said != "filter_held/filter" {
					t.Fatalf("its record says %q", said)
				}
			}
			if over || rand.IntN(8) == 0 {
				p.end(s)
			} else {
				left = append(left, s)
			}
		}
		all = left
	}
	if ended < 100 {
		t.Errorf("%d were ended: too few to tell", ended)
	}
}

// TestPassingCostsNothing: requests that pass between two looks ask nothing of
// the proxy, and leave nothing behind.
func TestPassingCostsNothing(t *testing.T) {
	p := start(t)
	for i := range uint64(20_000) {
		before := 10 + 2*i<<14 // all in one list
		behind := before + 1<<14
		p.call("proxy_on_request_headers", before, 1, 1)
		p.call("proxy_on_request_headers", behind, 1, 1)
		p.call("proxy_on_response_headers", behind, 1, 1)
		p.call("proxy_on_response_headers", before, 1, 1)
		p.call("proxy_on_delete", before)
		p.call("proxy_on_delete", behind)
	}
	if size := p.module.Memory().Size(); p.calls != 0 || size != 3<<16 {
		t.Errorf("%d calls of the proxy, %d bytes of memory", p.calls, size)
	}
}
