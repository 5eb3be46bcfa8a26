package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/krater-mesh/krater/filters/verify/code"
)

// steps runs one check after the other, until one finds an error.
func steps(ctx context.Context, wasm []byte, o Options, r Report, requests bool) (out Report) {
	began := time.Now()
	defer func() { r.Took = time.Since(began); out = r }()
	defer func() {
		if v := recover(); v != nil {
			r.fail(CheckFormat, "build it with another version of its compiler, and tell Krater's makers", "the module breaks what verifies it: %v", firstLine(fmt.Sprint(v)))
		}
	}()
	step := func(text string) {
		if o.Progress != nil {
			o.Progress(text)
		}
	}
	step("reading the module")
	m, err := code.Read(wasm)
	if err != nil {
		r.unread(err)
		return r
	}
	r.checkInterface(m)
	r.checkMemory(m, o.Limits)
	if !r.OK() {
		return r
	}
	guarded := m.Guarded()
	v, err := newVM(ctx, guarded, o)
	if err != nil {
		r.fail(CheckFormat, "build it with another version of its compiler", "the module is not valid: %s", firstLine(err.Error()))
		return r
	}
	defer v.close()
	defer func() { r.Log = v.host.lines }()
	step("starting it")
	root, good := r.start(ctx, v, o)
	if !good || !requests {
		return r
	}
	what := "requests"
	if o.Type == Network {
		what = "connections"
	}
	step(fmt.Sprintf("sending %d %s through it", o.Limits.Requests, what))
	r.send(ctx, v, root, o)
	return r
}

// unread is a module that cannot be read.
func (r *Report) unread(err error) {
	var why *code.Refusal
	if errors.As(err, &why) {
		r.fail(CheckFormat, why.Fix, "%s", why.Message)
		return
	}
	r.fail(CheckFormat, "", "%v", err)
}

func (r *Report) checkMemory(m *code.Module, l Limits) {
	const fix = "build it with a smaller heap or stack, or raise the limit (spec.limits.memory)"
	switch begins := int64(m.Memory.Min) * code.Page; {
	case begins > l.Memory:
		r.fail(CheckMemory, fix, "it wants %d MiB of memory at its start; it may have %d", begins>>20, l.Memory>>20)
	case m.Data > l.Memory:
		r.fail(CheckMemory, fix, "its data has %d MiB; its memory may have %d", m.Data>>20, l.Memory>>20)
	}
}

// start runs the module until it has its configuration.
func (r *Report) start(ctx context.Context, v *vm, o Options) (root uint64, good bool) {
	limit, cancel := working(ctx, o.Limits.Start)
	defer cancel()
	began := time.Now()
	err := v.start(limit)
	if err == nil {
		root, err = v.configure(limit)
	}
	r.StartTime = time.Since(began)
	r.MemoryAtStart = v.size()
	var no refused
	switch {
	case err == nil:
		return root, true
	case ctx.Err() != nil:
		r.fail(CheckTime, "try again when the machine has less to do", "there was no time to start the module, within %s", o.Limits.Total)
	case !errors.As(err, &no):
		r.broken(CheckStart, err, o, "when it starts", o.Limits.Start)
	case no.what == "VM":
		r.fail(CheckStart, "see what it says", "%v%s", no, v.host.said())
	case o.Config == nil:
		r.add(CheckConfig, Warning, "give the configuration that it will run with", "%v, which is empty%s; it was not tried further", no, v.host.said())
	default:
		r.fail(CheckConfig, "mend the configuration", "%v%s", no, v.host.said())
	}
	return 0, false
}

// said is the end of a sentence: what the module wrote last.
func (h *host) said() string {
	if len(h.partly) > 0 {
		h.line(string(h.partly))
		h.partly = nil
	}
	if len(h.lines) == 0 {
		return ""
	}
	return ": " + h.lines[len(h.lines)-1]
}

// broken is a module that trapped, did not come back, or had too little memory.
func (r *Report) broken(c Check, err error, o Options, when string, limit time.Duration) {
	var f *failure
	if !errors.As(err, &f) {
		r.fail(c, "", "%v", err)
		return
	}
	switch {
	case f.memory > 0:
		r.fail(CheckMemory, "find what it keeps, or raise the limit (spec.limits.memory)",
			"its %s wants more than %d MiB of memory, %s: %s", f.in, o.Limits.Memory>>20, when, f.why)
	case f.loop:
		r.fail(c, "find the loop: nothing else of the proxy's worker goes on meanwhile", "its %s does not come back within %s, %s", f.in, limit, when)
	default:
		r.fail(c, "find what it does there: a trap ends the filter in the proxy", "its %s traps %s: %s", f.in, when, f.why)
	}
}
