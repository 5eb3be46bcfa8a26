package envoy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/serve"
)

// insideModule starts only where it can open no file and has no variables.
func insideModule() []byte {
	const opened, path, count, bytes = 8, 16, 64, 68
	m := assemble.Filter()
	m.Imports = []assemble.Import{
		{Module: "wasi_snapshot_preview1", Name: "path_open", Type: "iiiiiIIii:i"},
		{Module: "wasi_snapshot_preview1", Name: "environ_sizes_get", Type: "ii:i"},
	}
	file := "etc/hostname"
	m.Data = []assemble.Data{{Offset: path, Bytes: []byte(file)}}
	number := func(n int32) []byte { return append([]byte{assemble.Const}, assemble.I32(n)...) }
	long := func(n int64) []byte { return append([]byte{0x42}, assemble.I64(n)...) }
	const isZero, and, load = 0x45, 0x71, 0x28
	for i, f := range m.Funcs {
		if f.Export == "proxy_on_configure" {
			m.Funcs[i].Body = concat(
				number(3), number(0), number(path), number(int32(len(file))), number(0), long(2), long(0), number(0), number(opened),
				[]byte{assemble.Call, 0, isZero, isZero}, // it failed
				number(count), number(bytes), []byte{assemble.Call, 1, assemble.Drop},
				number(count), []byte{load, 2, 0, isZero, and})
		}
	}
	return m.Bytes()
}

// TestAModuleHasNothingOfTheMachine: no file, and those variables only that its
// object names, by value or as the proxy's own.
func TestAModuleHasNothingOfTheMachine(t *testing.T) {
	w := newFilterWorld(t, "page-v1")
	inside := placeModule(t, w.o, insideModule())
	filter := func(change func(*model.FilterBinding)) {
		w.snap.Filters = []*model.FilterBinding{w.counting(func(f *model.FilterBinding) { f.Module = inside; change(f) })}
	}
	filter(func(*model.FilterBinding) {})
	w.plane.publish("nothing", w.translated("page-v1").Set())
	if refused, _ := w.plane.since(0, serve.EventNacked); len(refused) > 0 {
		t.Fatalf("without variables it was refused: %v", refused)
	}
	for name, change := range map[string]func(*model.FilterBinding){
		"a value":         func(f *model.FilterBinding) { f.Env = map[string]string{"A": "b"} },
		"the proxy's own": func(f *model.FilterBinding) { f.HostEnv = []string{"PATH"} },
	} {
		filter(change)
		mark := w.plane.mark()
		w.plane.send(name, w.translated("page-v1").Set())
		harness.Until(t, 10*time.Second, name+" to be seen", func() error {
			if refused, _ := w.plane.since(mark, serve.EventNacked); len(refused) == 0 {
				return errors.New("the module started")
			}
			return nil
		})
	}
}
