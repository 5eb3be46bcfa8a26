package envoy_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/sandbox"
	"github.com/krater-mesh/krater/filters/verify"
	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/filters/verify/hostile"
	"github.com/krater-mesh/krater/test/harness"
)

// What verify knows of Envoy's imports and callbacks is what Envoy says itself.

// everything imports all that Envoy gives, and exports all that it calls.
func everything(abi string) assemble.Module {
	m := assemble.Filter()
	m.Funcs[assemble.Marker].Export = "proxy_abi_version_" + abi
	for _, name := range slices.Sorted(maps.Keys(verify.Imports())) {
		if abi == "0_2_0" && name == "env.proxy_get_log_level" {
			continue
		}
		module, function, _ := strings.Cut(name, ".")
		m.Imports = append(m.Imports, assemble.Import{Module: module, Name: function, Type: verify.Imports()[name]})
	}
	have := map[string]bool{"_start": true} // beside _initialize it would not be called
	for _, f := range m.Funcs {
		have[f.Export] = true
	}
	for _, name := range slices.Sorted(maps.Keys(verify.Callbacks())) {
		if f := (assemble.Func{Export: name, Type: verify.Callbacks()[name]}); !have[name] {
			if strings.HasSuffix(f.Type, ":i") {
				f.Body = []byte{assemble.Const, 0}
			}
			m.Funcs = append(m.Funcs, f)
		}
	}
	return m
}

type envoyJudge struct {
	t *testing.T
	s *sandbox.Sandbox
}

func newJudge(t *testing.T) envoyJudge {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{Envoy: harness.EnvoyPath(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return envoyJudge{t, s}
}

// takes tells what Envoy says of a module.
func (j envoyJudge) takes(code []byte) error {
	file := filepath.Join(j.t.TempDir(), "filter.wasm")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		j.t.Fatal(err)
	}
	_, err := j.s.Load(j.t.Context(), sandbox.Filter{File: file, Config: "{}"})
	if err != nil && !strings.Contains(err.Error(), "\n  E ") { // the log may come behind the stat
		harness.Until(j.t, 5*time.Second, "Envoy's reason", func() error {
			err = errors.Join(err, errors.New(strings.Join(j.s.Log(), "\n")))
			if !strings.Contains(err.Error(), "wasm") {
				return err
			}
			return nil
		})
	}
	return err
}

func TestEnvoyGivesWhatVerifyAllows(t *testing.T) {
	j := newJudge(t)
	for _, abi := range []string{"0_2_0", "0_2_1"} {
		m := everything(abi).Bytes()
		if r := verify.Module(t.Context(), m, verify.Options{}); !r.OK() {
			t.Errorf("%s: verify says %v", abi, r.Err())
		}
		if err := j.takes(m); err != nil {
			t.Errorf("%s: Envoy says %v", abi, err)
		}
	}
	// One by one, with another type: so Envoy knows each of them.
	for _, name := range slices.Sorted(maps.Keys(verify.Imports())) {
		if strings.HasPrefix(name, "wasi_unstable.") {
			continue // the same functions by their old name
		}
		module, function, _ := strings.Cut(name, ".")
		m := assemble.Filter()
		m.Imports = []assemble.Import{{Module: module, Name: function, Type: "IfF:F"}}
		want := fmt.Sprintf("import type mismatch: %s.%s", module, function)
		if err := j.takes(m.Bytes()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Envoy says %v, want %s", name, err, want)
		}
	}
}

// What verify refuses of a module's interface, Envoy refuses too, or it would
// never call it: verify says it before a proxy has it, and says what to do.
func TestEnvoyRefusesWhatVerifyRefuses(t *testing.T) {
	j := newJudge(t)
	envoyTakes := map[string]bool{
		"two ABIs":           true, // which of them it speaks depends on their order
		"no callback":        true, // it does nothing
		"no memory":          true, // until a callback hands bytes over
		"an imported memory": true, // wazero has none to give, so it cannot be verified
		"an imported table":  true, // the same
	}
	for _, m := range hostile.Modules() {
		if !slices.Contains([]string{"abi", "imports", "exports"}, m.Check) {
			continue
		}
		if err := j.takes(m.Code()); (err == nil) != envoyTakes[m.Name] {
			t.Errorf("%s: Envoy says %v", m.Name, err)
		}
	}
}

// calling is a filter one of whose functions calls one of Envoy's, with zeros.
func calling(name, signature string, function int) []byte {
	module, f, _ := strings.Cut(name, ".")
	in, out, _ := strings.Cut(signature, ":")
	m := assemble.Filter()
	m.Imports = []assemble.Import{{Module: "env", Name: "proxy_get_buffer_bytes", Type: "iiiii:i"}, {Module: module, Name: f, Type: signature}}
	var body []byte
	for _, c := range in {
		body = append(body, map[rune]byte{'i': assemble.Const, 'I': 0x42}[c], 0)
	}
	if body = append(body, assemble.Call, 1); out != "" {
		body = append(body, assemble.Drop)
	}
	m.Funcs[function].Body = append(body, m.Funcs[function].Body...)
	// It takes its configuration, for which it must allocate, or refuses it.
	const config, size, at = 7, 10, 16
	m.Funcs[assemble.Configure].Body = []byte{assemble.Const, config, assemble.Const, 0, assemble.Const, size, assemble.Const, at, assemble.Const, at + 4, assemble.Call, 0, 0x45}
	return m.Bytes()
}

// What a module may call while it starts and while it allocates is what Envoy
// lets it call.
func TestEnvoyForbidsWhatVerifyForbids(t *testing.T) {
	j := newJudge(t)
	for where, function := range map[string]int{"while it starts": assemble.Initialize, "while it allocates": assemble.Allocate} {
		for name, signature := range verify.Imports() {
			if strings.HasPrefix(name, "wasi_unstable.") {
				continue
			}
			code := calling(name, signature, function)
			said := verify.Start(t.Context(), code, verify.Options{Config: []byte("{}")}).Err()
			if err := j.takes(code); (err == nil) != (said == nil) {
				t.Errorf("%s %s: verify says %v, Envoy says %v", name, where, said, err)
			}
		}
	}
}
