package main

import (
	"flag"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the scripts' wanted output anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"krater": func() { os.Exit(run(os.Args[1:])) }})
}

// TestScript runs the command line's behaviours, one file each.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			samples, err := filepath.Abs("../../samples")
			if err != nil {
				return err
			}
			e.Setenv("SAMPLES", samples)
			e.Setenv("KRATER_STATE", filepath.Join(e.WorkDir, "state"))
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"occupy": occupy, "await": await, "registry": ociRegistry, "wasm": wasmFile, "hostile": hostileFile},
	})
}

// occupy listens on an address until the script ends: occupy HOST:PORT.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { l.Close() })
}

// await waits until a file is there that a command in the background makes.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		} else if time.Now().After(end) {
			ts.Fatalf("%s does not come", args[0])
		}
	}
}
