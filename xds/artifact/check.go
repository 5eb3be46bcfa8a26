package artifact

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// header begins every core module: "\0asm" and version 1, little endian
// (WebAssembly core specification, binary format, section 5.5.16).
var header = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// checkCode refuses what is not a core Wasm module.
func checkCode(path string, code []byte) error {
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
