package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"
)

// vm is a module that runs. It runs in an interpreter: what comes from
// elsewhere never becomes machine code of this process, and reading 2.5 MB of
// it takes 0.2 s, where a compiler takes 0.9 s.
type vm struct {
	runtime wazero.Runtime
	code    wazero.CompiledModule
	guest   api.Module
	host    *host
	memory  *memory
	ids     uint64 // of contexts
	dead    bool
}

// memory is a module's, up to a limit.
type memory struct {
	limit  uint64
	b      []byte
	denied uint64 // what it wanted last, and did not get
}

var _ experimental.LinearMemory = (*memory)(nil)

// Reallocate implements experimental.LinearMemory.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.denied = size
		return nil
	}
	if size > uint64(cap(m.b)) {
		b := make([]byte, len(m.b), min(m.limit, max(size, 2*uint64(cap(m.b)))))
		copy(b, m.b)
		m.b = b
	}
	m.b = m.b[:size]
	return m.b
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() { m.b = nil }

// newVM reads the code. It runs nothing of it.
func newVM(ctx context.Context, wasm []byte, o Options) (*vm, error) {
	v := &vm{
		runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCloseOnContextDone(true).WithDebugInfoEnabled(false)),
		memory:  &memory{limit: uint64(o.Limits.Memory)},
		host: &host{
			rootID: o.RootID, config: o.Config,
			sharing: map[string]sharedValue{}, metricID: map[string]uint32{},
		},
	}
	for _, name := range slices.Sorted(maps.Keys(o.Env)) {
		v.host.env = append(v.host.env, name+"="+o.Env[name])
	}
	v.host.begin()
	if err := v.host.provide(ctx, v.runtime); err != nil {
		return nil, errors.Join(err, v.close())
	}
	var err error
	if v.code, err = v.runtime.CompileModule(ctx, wasm); err != nil {
		return nil, errors.Join(err, v.close())
	}
	return v, nil
}

func (v *vm) close() error { return v.runtime.Close(context.Background()) }

// start makes the instance, and runs what runs before any callback.
func (v *vm) start(ctx context.Context) error {
	ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory {
		return v.memory
	}))
	v.host.starting = true
	defer func() { v.host.starting = false }()
	var err error
	v.guest, err = v.runtime.InstantiateModule(ctx, v.code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return v.failure("start", err)
	}
	v.host.guest = v.guest
	for _, name := range []string{"proxy_on_memory_allocate", "malloc"} {
		if v.host.allocates == nil {
			v.host.allocates = v.guest.ExportedFunction(name)
		}
	}
	if v.guest.ExportedFunction("_initialize") == nil {
		_, err = v.call(ctx, "_start")
		return err
	}
	if _, err = v.call(ctx, "_initialize"); err == nil {
		_, err = v.call(ctx, "main", 0, 0)
	}
	return err
}

// call runs one of the module's functions, if it exports it, and gives its
// result, if it has one.
func (v *vm) call(ctx context.Context, name string, args ...uint64) (uint64, error) {
	f := v.guest.ExportedFunction(name)
	if f == nil {
		return 0, nil
	}
	results, err := f.Call(ctx, args...)
	if err != nil {
		v.dead = true
		return 0, v.failure(name, err)
	}
	if len(results) == 0 {
		return 0, nil
	}
	return results[0], nil
}

func (v *vm) exports(name string) bool { return v.guest.ExportedFunction(name) != nil }

// failure is how a module ended.
type failure struct {
	in     string // the function
	loop   bool   // it was ended, for it did not end by itself
	memory uint64 // it wanted that much, and got no more
	why    string
}

// Error implements error.
func (f *failure) Error() string { return f.in + ": " + f.why }

func (v *vm) failure(in string, err error) *failure {
	f := &failure{in: in, memory: v.memory.denied}
	var ended *sys.ExitError
	var own trapped
	switch {
	case errors.As(err, &ended) && (ended.ExitCode() == sys.ExitCodeDeadlineExceeded || ended.ExitCode() == sys.ExitCodeContextCanceled):
		f.loop, f.why = true, "it does not come back"
	case errors.As(err, &own):
		f.why = string(own)
	default:
		f.why = firstLine(err.Error())
	}
	return f
}

// firstLine is a trap without its stack: guests have no names to show there.
func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if len(text) > maxLine {
		text = text[:maxLine]
	}
	return strings.TrimSuffix(strings.TrimPrefix(text, "wasm error: "), " (recovered by wazero)")
}

func (v *vm) size() int64 { return int64(len(v.memory.b)) }

// newContext makes a root context, or one of a stream.
func (v *vm) newContext(ctx context.Context, parent uint64) (uint64, error) {
	v.ids++
	id := v.ids
	_, err := v.call(ctx, "proxy_on_context_create", id, parent)
	return id, err
}

// refused is a callback that answered false.
type refused struct{ what string }

// Error implements error.
func (r refused) Error() string { return fmt.Sprintf("the filter refuses its %s", r.what) }

// configure makes the root context, which takes the configuration.
func (v *vm) configure(ctx context.Context) (root uint64, err error) {
	if root, err = v.newContext(ctx, 0); err != nil {
		return 0, err
	}
	if v.exports("proxy_on_vm_start") {
		if good, err := v.call(ctx, "proxy_on_vm_start", root, 0); err != nil {
			return 0, err
		} else if good == 0 {
			return 0, refused{"VM"}
		}
	}
	if v.exports("proxy_on_configure") {
		if good, err := v.call(ctx, "proxy_on_configure", root, uint64(len(v.host.config))); err != nil {
			return 0, err
		} else if good == 0 {
			return 0, refused{"configuration"}
		}
	}
	return root, nil
}
