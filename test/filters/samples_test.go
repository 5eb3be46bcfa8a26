// Package filters_test holds the filters that people start from, and the
// manual's page on filters, to what a real Envoy does.
package filters_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/build"
	"github.com/krater-mesh/krater/filters/filtercase"
	"github.com/krater-mesh/krater/filters/sandbox"
	"github.com/krater-mesh/krater/test/harness"
)

// TestSamples sends each sample's requests through it, in a Wasm host and in
// one real Envoy.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(harness.Root(), "samples/filters/*/requests.yaml"))
	if err != nil || len(files) < 8 {
		t.Fatalf("%d samples have requests: %v", len(files), err)
	}
	samples, services := map[string]*filtercase.File{}, map[string]func(sandbox.Seen) *sandbox.Answer{}
	for _, file := range files {
		f, err := filtercase.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		samples[filepath.Base(filepath.Dir(file))] = f
		maps.Copy(services, f.Answers())
	}
	box, err := sandbox.Start(t.Context(), sandbox.Options{Envoy: harness.EnvoyPath(t), Services: services})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	for name, f := range samples {
		t.Run(name, func(t *testing.T) {
			built, err := build.Module(t.Context(), build.Options{
				Dir: filepath.Join(harness.Root(), "samples/filters", name), Out: filepath.Join(t.TempDir(), name+".wasm")})
			if err != nil {
				t.Fatal(err)
			}
			if built.Size > 2_800_000 {
				t.Errorf("the module has %d bytes", built.Size)
			}
			inHost(t, f, built.File)
			inEnvoy(t, f, built.File, box)
		})
	}
}

func inHost(t *testing.T, f *filtercase.File, file string) {
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h, err := f.NewHost(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, c := range f.Requests {
		got, err := h.Send(c)
		if err != nil {
			t.Errorf("%s, in the host: %v", c.Name, err)
			continue
		}
		if d := c.Differences(got); len(d) > 0 {
			t.Errorf("%s, in the host:\n%s", c.Name, strings.Join(d, "\n"))
		}
	}
}

func inEnvoy(t *testing.T, f *filtercase.File, file string, box *sandbox.Sandbox) {
	if _, err := box.Load(t.Context(), sandbox.Filter{File: file, RootID: f.RootID, Config: f.ConfigText()}); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Requests {
		got, err := c.Send(t.Context(), box)
		if err != nil {
			t.Errorf("%s, in Envoy: %v", c.Name, err)
			continue
		}
		if d := c.Differences(got); len(d) > 0 {
			t.Errorf("%s, in Envoy:\n%s\nits log: %s", c.Name, strings.Join(d, "\n"), got.Log)
		}
	}
}
