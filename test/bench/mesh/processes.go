package mesh

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/krater-mesh/krater/test/bench/process"
)

// Supervisor is the name of the `krater up` process among Processes.
const Supervisor = "up"

// Parts are the names of Krater's daemons among Processes.
var Parts = []string{"controlplane", "policyd", "collector"}

// Envoy is the name of a workload's proxy among Processes, and App of its
// program; a workload is "namespace.name".
func Envoy(workload string) string { return "envoy " + workload }

// App is the name of a workload's program among Processes.
func App(workload string) string { return "app " + workload }

// Processes lists what runs now: the supervisor, the daemons, every Envoy and
// every application.
func (m *Mesh) Processes() ([]process.Process, error) {
	state, err := m.state()
	if err != nil {
		return nil, err
	}
	out := []process.Process{{Name: Supervisor, PID: m.cmd.Process.Pid}}
	add := func(name, file string) error {
		pid, err := process.ReadPID(file)
		if err == nil {
			out = append(out, process.Process{Name: name, PID: pid})
		}
		return err
	}
	for _, part := range Parts {
		if err := add(part, filepath.Join(state, part+".pid")); err != nil {
			return nil, err
		}
	}
	envoys, err := filepath.Glob(filepath.Join(state, "agents", "*", "envoy.pid"))
	if err != nil {
		return nil, err
	}
	for _, file := range envoys {
		if err := add(Envoy(filepath.Base(filepath.Dir(file))), file); err != nil {
			return nil, err
		}
	}
	apps, err := filepath.Glob(filepath.Join(state, "workloads", "*.pid"))
	if err != nil {
		return nil, err
	}
	for _, file := range apps {
		if err := add(App(strings.TrimSuffix(filepath.Base(file), ".pid")), file); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// state is the mesh's one folder of state.
func (m *Mesh) state() (string, error) {
	locks, err := filepath.Glob(filepath.Join(m.root, "s", "*", "lock"))
	if err != nil || len(locks) != 1 {
		return "", fmt.Errorf("the mesh has not one state folder: %v, %v", locks, err)
	}
	return filepath.Dir(locks[0]), nil
}
