package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// File verifies a module that is a file, of which it reads no more than its
// size's limit allows. The error is one of reading it.
func File(ctx context.Context, path string, o Options) (Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return Report{}, fmt.Errorf("reading the module: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Report{}, fmt.Errorf("reading the module: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Report{}, fmt.Errorf("reading the module: %w", &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no file")})
	}
	limit := o.Limits.filled().Size
	if info.Size() > limit {
		r := Report{Size: info.Size(), Type: o.Type}
		fill(&r.Type, HTTP)
		r.tooLarge(limit)
		return r, nil
	}
	wasm, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return Report{}, fmt.Errorf("reading the module: %w", err)
	}
	return Module(ctx, wasm, o), nil
}
