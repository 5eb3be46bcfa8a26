package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
	"github.com/spf13/cobra"
)

// offline is a configuration that was read once, for a command that needs no
// running mesh. close removes what it kept on disk.
type offline struct {
	stages.Result
	moduleDir string
	builtin   model.Module
}

func readOffline(ctx context.Context, paths []string) (offline, func(), error) {
	dir, err := os.MkdirTemp("", "krater-")
	if err != nil {
		return offline{}, nil, fmt.Errorf("making a folder for modules: %w", err)
	}
	remove := func() { os.RemoveAll(dir) }
	st, err := stages.Open(paths, "", dir)
	if err != nil {
		remove()
		return offline{}, nil, err
	}
	result, err := st.Run(ctx)
	if err != nil {
		remove()
		return offline{}, nil, err
	}
	return offline{result, dir, st.Builtin()}, remove, nil
}

// withOffline reads the paths for a command that prints what comes of them.
// use tells whether it found problems: then the command ends with exit code 1.
func withOffline(cmd *cobra.Command, paths []string, use func(offline) (bool, error)) error {
	read, done, err := readOffline(cmd.Context(), paths)
	if err != nil {
		return err
	}
	defer done()
	bad, err := use(read)
	if err == nil && bad {
		err = errProblems
	}
	return err
}

// warn writes the problems that are errors: the answer leaves their objects out.
func warn(w io.Writer, problems model.Problems) {
	for _, p := range problems {
		if p.Severity == model.Error {
			fmt.Fprintln(w, p)
		}
	}
}

// workload finds a workload by name, with an error that lists them.
func (o offline) workload(name string) (model.Workload, error) {
	if w, ok := o.Snapshot.Workload(name); ok {
		return w, nil
	}
	var names string
	for _, w := range o.Snapshot.Workloads {
		names += "\n  " + w.ID()
	}
	if names == "" {
		return model.Workload{}, fmt.Errorf("no workload is declared: a Mesh object lists them")
	}
	return model.Workload{}, fmt.Errorf("no workload, or more than one, is named %q; there are:%s", name, names)
}
