package main

import (
	"flag"
	"net"
	"os"
	"path/filepath"
	"testing"

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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"occupy": occupy},
	})
}

// occupy listens on an address until the script ends: occupy HOST:PORT.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { l.Close() })
}
