package main

import (
	"os"

	"github.com/krater-mesh/krater/filters/verify/hostile"
	"github.com/rogpeppe/go-internal/testscript"
)

// hostileFile writes a hostile module: hostile NAME FILE.
func hostileFile(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: hostile NAME FILE")
	}
	for _, m := range hostile.Modules() {
		if m.Name == args[0] {
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), m.Code(), 0o600))
			return
		}
	}
	ts.Fatalf("there is no hostile module %q", args[0])
}
