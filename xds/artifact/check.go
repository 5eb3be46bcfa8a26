package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// header begins every core module: "\0asm" and version 1, little endian
// (WebAssembly core specification, binary format, section 5.5.16).
var header = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// check refuses what is not a core Wasm module.
func check(path string, code []byte) error {
	switch {
	case bytes.HasPrefix(code, header):
		return nil
	case len(code) == 0:
		return fmt.Errorf("%s is not a Wasm module: it is empty", path)
	case bytes.HasPrefix(code, header[:4]) && len(code) >= 8 && code[6] == 1:
		return fmt.Errorf("%s is a Wasm component, not a core module: build it with GOOS=wasip1 -buildmode=c-shared", path)
	case bytes.HasPrefix(code, header[:4]):
		return fmt.Errorf("%s is not a Wasm module of version 1: its header is %x", path, code[:min(8, len(code))])
	}
	kind, _, _ := strings.Cut(http.DetectContentType(code), ";")
	return fmt.Errorf("%s is not a Wasm module: it begins with %q (%s)", path, code[:min(8, len(code))], kind)
}

// checkPin compares a module with the SHA-256 its object pins, "" for none.
func checkPin(path string, code []byte, pin string) error {
	if pin == "" {
		return nil
	}
	sum := sha256.Sum256(code)
	if got := hex.EncodeToString(sum[:]); !strings.EqualFold(got, strings.TrimPrefix(pin, digestPrefix)) {
		return fmt.Errorf("%s has SHA-256 %s, not the pinned %s: the file was changed, or the pin is another module's", path, got, pin)
	}
	return nil
}
