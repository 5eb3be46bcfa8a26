// Package filtertest runs a built Wasm module in wazero, with a host that
// speaks proxy-wasm 0.2 as Envoy does: requests, connections, calls and their
// answers are scripted, and what the filter did is returned. It never stands
// in for a test with a real proxy: time does not pass here by itself.
package filtertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/krater-mesh/krater/filters/sdk"
)

// compiled keeps machine code for the life of a test's process: to compile a
// module takes a second or more, to load it again nothing.
var compiled = wazero.NewCompilationCache()

// Module is a loaded module: one VM, as one worker of a proxy has it.
type Module struct {
	// Services answer calls, by cluster. A call to a cluster that is not here
	// is refused, as in Envoy; where the function is nil the test answers it
	// itself, by Out.
	Services     map[string]func(sdk.HTTPCall) sdk.HTTPAnswer
	GRPCServices map[string]func(sdk.GRPCCall) sdk.GRPCAnswer
	// Functions are those that a filter calls by name, beside clear_route_cache.
	Functions map[string]func(argument []byte) ([]byte, error)
	// Properties are the proxy's own, by dotted name.
	Properties map[string]string
	// Clock is the proxy's; it starts as time.Now.
	Clock func() time.Time

	ctx     context.Context
	runtime wazero.Runtime
	host    *host
	guest   api.Module
	lastID  uint32 // of a context
}

// Load compiles and starts a module. It fails where Envoy would: code that is
// no Wasm, an import that no host provides, a VM that refuses to start. env
// are variables for the VM: "GOGC=1".
func Load(ctx context.Context, wasm []byte, env ...string) (*Module, error) {
	m := &Module{
		Services:     map[string]func(sdk.HTTPCall) sdk.HTTPAnswer{},
		GRPCServices: map[string]func(sdk.GRPCCall) sdk.GRPCAnswer{},
		Functions:    map[string]func([]byte) ([]byte, error){},
		Properties:   map[string]string{},
		Clock:        time.Now,
		ctx:          ctx, runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(compiled)),
	}
	m.host = newHost(m)
	if err := m.start(wasm, env); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Module) start(wasm []byte, env []string) error {
	if _, err := wasi_snapshot_preview1.Instantiate(m.ctx, m.runtime); err != nil {
		return fmt.Errorf("providing WASI: %w", err)
	}
	if err := m.host.provide(m.ctx, m.runtime); err != nil {
		return fmt.Errorf("providing proxy-wasm: %w", err)
	}
	code, err := m.runtime.CompileModule(m.ctx, wasm)
	if err != nil {
		return fmt.Errorf("compiling the module: %w", err)
	}
	config := wazero.NewModuleConfig().WithStartFunctions("_initialize").
		WithStdout(&m.host.output).WithStderr(&m.host.output).WithSysNanotime().
		WithWalltime(func() (int64, int32) { t := m.Clock(); return t.Unix(), int32(t.Nanosecond()) }, 1)
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		config = config.WithEnv(name, value)
	}
	if m.guest, err = m.runtime.InstantiateModule(m.ctx, code, config); err != nil {
		return fmt.Errorf("starting the module: %w%s", err, m.host.said())
	}
	return checkABI(code)
}

// checkABI finds the functions that mark a module of proxy-wasm.
func checkABI(code wazero.CompiledModule) error {
	exports := code.ExportedFunctions()
	for _, names := range [][]string{
		{"proxy_abi_version_0_2_1", "proxy_abi_version_0_2_0"}, {"proxy_on_memory_allocate", "malloc"}, {"proxy_on_context_create"},
	} {
		if !slices.ContainsFunc(names, func(name string) bool { return exports[name] != nil }) {
			return fmt.Errorf("the module is no proxy-wasm filter: it exports no %s", names[0])
		}
	}
	return nil
}

// Close ends the VM.
func (m *Module) Close() error { return m.runtime.Close(m.ctx) }

// Guest is the module itself, for functions that are no proxy's.
func (m *Module) Guest() api.Module { return m.guest }

// MemorySize is that of the VM in bytes; it never shrinks.
func (m *Module) MemorySize() int { return int(m.guest.Memory().Size()) }

// call runs one of the module's callbacks, and what it put off. A function
// that a module does not export is not called, as in Envoy.
func (m *Module) call(name string, id uint32, args ...uint64) (uint64, error) {
	f := m.guest.ExportedFunction(name)
	if f == nil {
		return absent, nil
	}
	current, effective := m.host.current, m.host.effective
	m.host.current, m.host.effective = id, 0
	results, err := f.Call(m.ctx, append([]uint64{uint64(id)}, args...)...)
	m.host.current, m.host.effective = current, effective
	if err != nil {
		return 0, fmt.Errorf("%s: %w%s", name, err, m.host.said())
	}
	if len(results) == 0 {
		return 0, nil
	}
	return results[0], nil
}

// absent is what call gives for a function that is not exported.
const absent = 1 << 32
