// Package filtertest runs a built Wasm module in wazero, with a host that
// speaks proxy-wasm 0.2 as Envoy does: requests are scripted, and what the
// filter did is returned. It never stands in for a test with a real proxy:
// calls to other services and bodies in many parts do not exist here.
package filtertest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// Module is a loaded module: one VM, as one worker of a proxy has it.
type Module struct {
	ctx     context.Context
	runtime wazero.Runtime
	guest   api.Module
	host    *host
	lastID  uint32 // of a context
}

// Load compiles and starts a module. It fails where Envoy would: code that is
// no Wasm, an import that no host provides, a VM that refuses to start.
func Load(ctx context.Context, wasm []byte) (*Module, error) {
	m := &Module{ctx: ctx, runtime: wazero.NewRuntime(ctx), host: newHost()}
	if err := m.start(wasm); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Module) start(wasm []byte) error {
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
		WithStdout(&m.host.output).WithStderr(&m.host.output).WithSysWalltime().WithSysNanotime()
	if m.guest, err = m.runtime.InstantiateModule(m.ctx, code, config); err != nil {
		return fmt.Errorf("starting the module: %w%s", err, m.host.said())
	}
	m.host.guest = m.guest
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

// Configure binds a root to a configuration. A filter that refuses it is an
// error with the filter's own log lines.
func (m *Module) Configure(rootID, config string) (*Plugin, error) {
	m.host.begin()
	m.host.rootID = rootID
	first := m.lastID == 0
	m.lastID++
	p := &Plugin{module: m, id: m.lastID, rootID: rootID, config: config}
	if _, err := m.call("proxy_on_context_create", uint64(p.id), 0); err != nil {
		return nil, err
	}
	if first {
		if ok, err := m.call("proxy_on_vm_start", uint64(p.id), 0); err != nil || ok == 0 {
			return nil, errors.Join(errors.New("the VM refuses to start"+m.host.said()), err)
		}
	}
	m.host.pluginConfig = []byte(config)
	ok, err := m.call("proxy_on_configure", uint64(p.id), uint64(len(config)))
	if err != nil {
		return nil, err
	}
	if ok == 0 {
		return nil, fmt.Errorf("root %q refuses its configuration%s", rootID, m.host.said())
	}
	return p, nil
}

// call runs one of the module's functions, and gives its result if it has one.
// A function that a module does not export is not called, as in Envoy.
func (m *Module) call(name string, args ...uint64) (uint64, error) {
	f := m.guest.ExportedFunction(name)
	if f == nil {
		return 1, nil
	}
	results, err := f.Call(m.ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w%s", name, err, m.host.said())
	}
	if len(results) == 0 {
		return 0, nil
	}
	return results[0], nil
}
