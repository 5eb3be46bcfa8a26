package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"

	"github.com/krater-mesh/krater/filters/generate"
	"github.com/krater-mesh/krater/filters/module"
)

// prepareFilter generates what is generated in a filter's folder, and gives
// what adds the description to the built code.
func prepareFilter(dir string) (func([]byte) ([]byte, error), error) {
	if generate.HasConfig(dir) {
		files, err := generate.Package(dir)
		if err != nil {
			return nil, err
		}
		changed, err := files.Changed()
		if err != nil {
			return nil, err
		}
		if len(changed) > 0 { // else a watcher of the folder would never rest
			if err := files.Write(); err != nil {
				return nil, err
			}
		}
	}
	return func(code []byte) ([]byte, error) {
		d, err := generate.Describe(dir, func(importPath string) (string, error) { return packageFolder(dir, importPath) })
		if err != nil {
			return nil, err
		}
		return module.WithDescription(code, d)
	}, nil
}

// packageFolder is where the Go command finds a package that dir's imports.
func packageFolder(dir, importPath string) (string, error) {
	list := exec.Command("go", "list", "-f", "{{.Dir}}", "--", importPath)
	var said bytes.Buffer
	list.Dir, list.Stderr = dir, &said
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("finding package %s: %w: %s", importPath, err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
