package agent

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// EnvoyVersion is the Envoy this Krater is built and tested for.
const EnvoyVersion = "1.40.0"

// FindEnvoy finds the Envoy binary: $ENVOY, then the PATH, then the folder
// that `make envoy` installs into, looked for beside the krater binary, in
// the folders above it, and from the working directory upwards.
func FindEnvoy() (string, error) {
	if p := os.Getenv("ENVOY"); p != "" {
		if _, err := os.Stat(p); err != nil {
			return "", fmt.Errorf("ENVOY=%s: %w; set it to an Envoy %s binary, or unset it", p, err, EnvoyVersion)
		}
		return p, nil
	}
	if p, err := exec.LookPath("envoy"); err == nil {
		return p, nil
	}
	for _, start := range searchFrom() {
		for dir := start; ; dir = filepath.Dir(dir) {
			p := filepath.Join(dir, ".tools", "envoy-"+EnvoyVersion, "envoy")
			if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
				return p, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", fmt.Errorf("no Envoy found: run `make envoy` in Krater's checkout, put an Envoy %s on the PATH, or set ENVOY=/path/to/envoy", EnvoyVersion)
}

func searchFrom() []string {
	var dirs []string
	if self, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		dirs = append(dirs, filepath.Dir(self))
	}
	if wd, err := os.Getwd(); err == nil {
		dirs = append(dirs, wd)
	}
	return dirs
}
