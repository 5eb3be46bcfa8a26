// Package build turns a filter's folder into a Wasm module, with the Go that
// is installed. The same sources and the same Go give the same bytes, so a
// module's digest names its code.
package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Options of a build.
type Options struct {
	Dir string // the folder of the filter's main package
	Out string // the module's file; "": .build/NAME.wasm in Dir
	Go  string // the go command; "": the one on the PATH
	// Describe adds to the code what the filter says of itself; nil: nothing.
	Describe func(code []byte) ([]byte, error)
}

// Result is a built module.
type Result struct {
	File   string        `json:"file"`
	Digest string        `json:"digest"` // "sha256:" and 64 hex digits
	Size   int64         `json:"size"`   // bytes
	Go     string        `json:"go"`     // the compiler, "go1.26.8"
	Took   time.Duration `json:"took"`
}

// Module builds one. An error holds what the compiler said.
func Module(ctx context.Context, o Options) (Result, error) {
	began := time.Now()
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return Result{}, fmt.Errorf("building %s: %w", o.Dir, err)
	}
	out := o.Out
	if out == "" {
		out = filepath.Join(dir, ".build", filepath.Base(dir)+".wasm")
	}
	if out, err = filepath.Abs(out); err != nil {
		return Result{}, fmt.Errorf("building %s: %w", o.Dir, err)
	}
	version, err := run(ctx, o, dir, "env", "GOVERSION")
	if err != nil {
		return Result{}, err
	}
	part, err := os.MkdirTemp("", "krater-build-")
	if err != nil {
		return Result{}, fmt.Errorf("building %s: %w", o.Dir, err)
	}
	defer os.RemoveAll(part)
	made := filepath.Join(part, "module.wasm")
	if _, err := run(ctx, o, dir, "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", made, "."); err != nil {
		return Result{}, err
	}
	code, err := os.ReadFile(made)
	if err != nil {
		return Result{}, fmt.Errorf("building %s: %w", o.Dir, err)
	}
	if o.Describe != nil {
		if code, err = o.Describe(code); err != nil {
			return Result{}, fmt.Errorf("building %s: %w", o.Dir, err)
		}
	}
	if err := replace(out, code); err != nil {
		return Result{}, fmt.Errorf("building %s: %w", o.Dir, err)
	}
	sum := sha256.Sum256(code)
	return Result{File: out, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(code)),
		Go: strings.TrimSpace(version), Took: time.Since(began)}, nil
}

// run runs the go command for Wasm.
func run(ctx context.Context, o Options, dir string, args ...string) (string, error) {
	name := o.Go
	if name == "" {
		name = "go"
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOWASM=", "GOEXPERIMENT=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.String(), nil
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("no go command found: install Go (https://go.dev/dl), filters are built with it")
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	if text := strings.TrimSpace(stderr.String()); text != "" {
		return "", fmt.Errorf("go %s: %s", args[0], text)
	}
	return "", fmt.Errorf("go %s: %w", args[0], err)
}

// replace writes a file whole: who watches it never sees half a module.
func replace(file string, code []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(file), "module-*.part")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // fails once it is renamed
	_, err = part.Write(code)
	err = errors.Join(err, part.Chmod(0o644), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), file)
	}
	return err
}
