package config_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/filters/watch/config"
)

var update = flag.Bool("update", false, "write watch.wasm anew")

// TestTheModuleIsItsText: watch.wasm is what watch.wat says.
func TestTheModuleIsItsText(t *testing.T) {
	text, err := os.ReadFile("watch.wat")
	if err != nil {
		t.Fatal(err)
	}
	m, err := assemble.Text(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("watch.wasm", m.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(m.Bytes(), config.Module) {
		t.Error("watch.wasm is another module than watch.wat: run with -update")
	}
}
