package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"strings"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/rogpeppe/go-internal/testscript"
)

// ociRegistry starts a registry of this process until the script ends, and
// sets REGISTRY to its host.
func ociRegistry(ts *testscript.TestScript, _ bool, _ []string) {
	s := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
	ts.Defer(s.Close)
	ts.Setenv("REGISTRY", strings.TrimPrefix(s.URL, "http://"))
}

// wasmFile writes the smallest filter into files: wasm FILE...
func wasmFile(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		ts.Check(os.WriteFile(ts.MkAbs(file), assemble.Filter().Bytes(), 0o600))
	}
}
