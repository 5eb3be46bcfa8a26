package up

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// environment is what a workload's program gets: this process's own, where to
// listen, and the way out through its sidecar.
func environment(w model.Workload, services []*model.Service) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "PORT", "HOST"}, strings.ToUpper(name))
	})
	proxy := fmt.Sprintf("http://%s:%d", w.Address, proxyPort)
	env = append(env,
		"HTTP_PROXY="+proxy, "http_proxy="+proxy, "HTTPS_PROXY="+proxy, "https_proxy="+proxy,
		"HOST=127.0.0.1",
		"KRATER_WORKLOAD="+w.ID(), "KRATER_ADDRESS="+w.Address)
	for i, p := range w.Ports {
		if i == 0 {
			env = append(env, fmt.Sprintf("PORT=%d", p.AppPort))
		}
		env = append(env, fmt.Sprintf("PORT_%s=%d", variable(p.Name), p.AppPort))
	}
	env = append(env, serviceVariables(w, services)...)
	if w.Process != nil {
		for _, k := range sortedKeys(w.Process.Env) {
			env = append(env, k+"="+w.Process.Env[k])
		}
	}
	return env
}

// serviceVariables tell where the TCP services are, as Kubernetes does:
// NAME_SERVICE_PORT is the first port, and of two services with one name the
// one in the workload's own namespace is meant.
func serviceVariables(w model.Workload, services []*model.Service) []string {
	var env []string
	known := map[string]bool{}
	for _, own := range []bool{true, false} {
		for _, s := range services {
			if name := variable(serviceName(s)); (s.Namespace == w.Namespace) == own && s.VisibleTo(w.Namespace) && !known[name] {
				env = append(env, portVariables(name, w.Address, s)...)
				known[name] = true
			}
		}
	}
	return env
}

func portVariables(name, address string, s *model.Service) []string {
	var env []string
	for _, p := range s.Ports {
		local, ok := s.LocalPorts[p.Number]
		if !ok {
			continue
		}
		if env == nil {
			env = append(env, name+"_SERVICE_HOST="+address, fmt.Sprintf("%s_SERVICE_PORT=%d", name, local))
		}
		env = append(env, fmt.Sprintf("%s_SERVICE_PORT_%s=%d", name, variable(p.Name), local))
	}
	return env
}

func serviceName(s *model.Service) string {
	if s.Name != "" {
		return s.Name
	}
	return s.Host
}

// variable makes a name one that a shell takes, as Kubernetes does.
func variable(name string) string {
	return strings.Map(func(r rune) rune {
		if (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9') || r == '_' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}

// program finds a workload's command: with a slash from its own folder, else
// beside krater's binary, else on the PATH.
func program(p model.Process) (string, error) {
	name := p.Command[0]
	if filepath.IsAbs(name) {
		return name, nil
	}
	if strings.Contains(name, "/") {
		return filepath.Join(p.Dir, name), nil
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the command %q is neither beside krater nor on the PATH", name)
	}
	return found, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
