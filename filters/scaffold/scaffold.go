// Package scaffold starts the folder of a new filter: one that builds, with
// tests, cases and a README. Outside of Krater's own tree the folder gets a
// copy of the SDK, so that it builds with Go alone.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/krater-mesh/krater/filters"
)

//go:embed template
var templates embed.FS

// module is Krater's own.
const module = "github.com/krater-mesh/krater"

// sdkFolder is where a filter's folder keeps its copy of the SDK.
const sdkFolder = ".krater"

var validName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// New writes the folder of a new filter, and gives its files. The folder must
// be new or empty.
func New(dir string) ([]string, error) {
	name := filepath.Base(dir)
	if abs, err := filepath.Abs(dir); err == nil {
		name = filepath.Base(abs)
	}
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("%q is no name for a filter: want lower case letters, digits and single dashes, as in rate-tags", name)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("the folder %s is not empty: choose another name", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("starting a filter: %w", err)
	}
	files, err := render(name)
	if err != nil {
		return nil, fmt.Errorf("starting a filter: %w", err)
	}
	if !within(dir) {
		if err := addSDK(files, name); err != nil {
			return nil, fmt.Errorf("starting a filter: %w", err)
		}
	}
	var out []string
	for _, f := range files.sorted() {
		if err := write(filepath.Join(dir, f), files[f]); err != nil {
			return nil, fmt.Errorf("starting a filter: %w", err)
		}
		if !strings.HasPrefix(f, sdkFolder) {
			out = append(out, f)
		}
	}
	return out, nil
}

// render fills the templates in.
func render(name string) (fileSet, error) {
	t, err := template.New("").Delims("[[", "]]").ParseFS(templates, "template/*")
	if err != nil {
		return nil, err
	}
	files := fileSet{}
	for _, one := range t.Templates() {
		var b bytes.Buffer
		if err := one.Execute(&b, map[string]string{"Name": name}); err != nil {
			return nil, err
		}
		if file, ok := strings.CutSuffix(one.Name(), ".tmpl"); ok {
			files[strings.Replace(file, "dot-", ".", 1)] = b.Bytes()
		}
	}
	return files, nil
}

// within tells whether a folder is part of Krater's own tree.
func within(dir string) bool {
	dir, err := filepath.Abs(dir)
	for err == nil {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			return strings.HasPrefix(string(text), "module "+module+"\n")
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	return false
}

// addSDK makes the folder a module of its own, with a copy of the SDK.
func addSDK(files fileSet, name string) error {
	const goVersion = "go 1.26\n"
	files["go.mod"] = []byte("module " + name + "\n\n" + goVersion + "\nrequire " + module + " v0.0.0\n\nreplace " + module + " => ./" + sdkFolder + "\n")
	files[sdkFolder+"/go.mod"] = []byte("module " + module + "\n\n" + goVersion)
	return fs.WalkDir(filters.SDK, "sdk", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case d.IsDir(), strings.HasSuffix(path, "_test.go"), !strings.HasSuffix(path, ".go"):
			return nil
		}
		files[sdkFolder+"/filters/"+path], err = filters.SDK.ReadFile(path)
		return err
	})
}
