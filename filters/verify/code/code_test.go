package code_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/filters/verify/code"
	"github.com/krater-mesh/krater/filters/verify/hostile"
)

func TestAModuleSaysWhatItIs(t *testing.T) {
	a := assemble.Filter()
	a.Imports = []assemble.Import{{Module: "env", Name: "proxy_log", Type: "iii:i"}}
	a.Tables = []assemble.Limits{{Min: 3}}
	a.Data = []assemble.Data{{Offset: 8, Bytes: []byte("four")}}
	a.Elements = []assemble.Element{{Funcs: []uint32{0, 1}}}
	a.Custom = map[string][]byte{"krater.filter": []byte("{}")}
	m, err := code.Read(a.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Imports) != 1 || m.Imports[0] != (code.Import{Module: "env", Name: "proxy_log", Type: "iii:i"}) {
		t.Errorf("imports %v", m.Imports)
	}
	if m.Functions != 7 || m.Memory.Min != 1 || m.Table != 3 || m.Data != 4 || string(m.Customs["krater.filter"]) != "{}" || m.Started {
		t.Errorf("%+v", m)
	}
	for _, e := range m.Exports {
		if e.Name == "proxy_on_request_headers" && e.Type == "iii:i" {
			return
		}
	}
	t.Errorf("exports %v", m.Exports)
}

// The guarded module is the same module, with a check in each function.
func TestGuardedIsValidAndChecked(t *testing.T) {
	a := assemble.Filter()
	a.Custom = map[string][]byte{"name": []byte("nonsense")}
	m, err := code.Read(a.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	guarded := m.Guarded()
	if n := bytes.Count(guarded, []byte{0x03, 0x40, 0x0b}); n != m.Functions {
		t.Errorf("%d checks in %d functions", n, m.Functions)
	}
	if bytes.Contains(guarded, []byte("nonsense")) {
		t.Error("what is not needed to run is still there")
	}
	valid(t, guarded)
}

// What compilers write is read whole, and stays valid.
func TestRealModulesStayValid(t *testing.T) {
	for _, name := range []string{"filters/builtin/dist/builtin.wasm", ".build/greeting.wasm"} {
		f := filepath.Join("..", "..", "..", name)
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatalf("%v; run `make filters`", err)
		}
		m, err := code.Read(b)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		valid(t, m.Guarded())
	}
}

func valid(t *testing.T, wasm []byte) {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	if _, err := r.CompileModule(ctx, wasm); err != nil {
		t.Error(err)
	}
}

// FuzzRead reads any bytes: it never panics, and what it takes it writes so
// that it reads it again.
func FuzzRead(f *testing.F) {
	f.Add(assemble.Filter().Bytes())
	for _, m := range hostile.Modules() {
		if !m.Large {
			f.Add(m.Code())
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := code.Read(b)
		if err != nil {
			return
		}
		if _, err := code.Read(m.Guarded()); err != nil && len(b) < 1<<20 {
			t.Errorf("the guarded module is not read: %v", err)
		}
	})
}
