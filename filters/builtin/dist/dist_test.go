package dist

import (
	"bytes"
	"testing"
)

func TestModuleIsWasm(t *testing.T) {
	b, err := Module()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, []byte("\x00asm\x01\x00\x00\x00")) {
		t.Errorf("builtin.wasm starts with %q", b[:min(8, len(b))])
	}
}
