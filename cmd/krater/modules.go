package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// copyModules copies the module files of one folder into another.
func copyModules(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.wasm"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("making the modules' folder: %w", err)
	}
	for _, f := range files {
		if err := copyFile(f, filepath.Join(to, filepath.Base(f))); err != nil {
			return fmt.Errorf("copying module %s: %w", f, err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}
