// Package vm is the folder that a machine outside the control plane's needs to
// join a mesh: who it may become, whom to ask, and how to start. `krater
// workload entry configure` writes it, `krater agent --vm` reads it.
package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// The files of the folder.
const (
	MeshFile  = "mesh.yaml"
	TokenFile = "token"
	RootFile  = "root-cert.pem"
	StartFile = "start.sh"
	UnitFile  = "krater-agent.service"
	HostsFile = "hosts"
)

// Machine is what mesh.yaml says. It holds no secret.
type Machine struct {
	ControlPlane   string `json:"controlPlane"` // host:port of --agents
	TrustDomain    string `json:"trustDomain"`
	Namespace      string `json:"namespace"`
	Group          string `json:"group"`
	ServiceAccount string `json:"serviceAccount"`
	// Address of the machine; empty: the one by which it reaches the control plane.
	Address string `json:"address,omitempty"`
	Policyd string `json:"policyd,omitempty"` // host:port; so the others
	OTLP    string `json:"otlp,omitempty"`
	ALS     string `json:"als,omitempty"`
	// DNS has the agent answer for the mesh's names.
	DNS bool `json:"dns,omitempty"`
	// ExecProbes lets the WorkloadGroup run commands on the machine.
	ExecProbes bool `json:"execProbes,omitempty"`
}

// Folder is all that is written.
type Folder struct {
	Machine Machine
	Token   string
	Roots   []byte // PEM
	// ControlPlaneIP is what the control plane's name means, where the machine
	// cannot look it up; empty: it can.
	ControlPlaneIP string
}

// Write makes the folder, for its owner's eyes only.
func (f Folder) Write(dir string) error {
	if err := f.Machine.check(); err != nil {
		return err
	}
	mesh, err := yaml.Marshal(f.Machine)
	if err != nil {
		return fmt.Errorf("writing %s: %w", MeshFile, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the machine's folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("making the machine's folder: %w", err)
	}
	files := []file{
		{MeshFile, mesh, 0o600}, {TokenFile, []byte(f.Token + "\n"), 0o600}, {RootFile, f.Roots, 0o600},
		{StartFile, []byte(f.start()), 0o700}, {UnitFile, []byte(f.unit()), 0o600},
	}
	if f.ControlPlaneIP != "" {
		files = append(files, file{HostsFile, []byte(f.hosts()), 0o600})
	}
	for _, x := range files {
		if err := x.write(dir); err != nil {
			return fmt.Errorf("writing the machine's folder: %w", err)
		}
	}
	return nil
}

type file struct {
	name    string
	content []byte
	mode    fs.FileMode
}

// write never opens an older file: that may be somebody else's to read.
func (x file) write(dir string) error {
	path := filepath.Join(dir, x.name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, x.mode)
	if err != nil {
		return err
	}
	if _, err := out.Write(x.content); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// Read reads what a machine is told to be.
func Read(dir string) (Machine, error) {
	text, err := os.ReadFile(filepath.Join(dir, MeshFile))
	if err != nil {
		return Machine{}, fmt.Errorf("reading the machine's folder: %w", err)
	}
	return parse(text)
}

func parse(text []byte) (Machine, error) {
	var m Machine
	if err := yaml.UnmarshalStrict(text, &m); err != nil {
		return Machine{}, fmt.Errorf("reading %s: %w", MeshFile, err)
	}
	return m, m.check()
}

// check is for what is written by hand, too.
func (m Machine) check() error {
	for _, f := range []struct{ name, value string }{
		{"trustDomain", m.TrustDomain}, {"namespace", m.Namespace}, {"group", m.Group}, {"serviceAccount", m.ServiceAccount},
	} {
		if !isName(f.value) {
			return fmt.Errorf("%s: %s: %q is no name", MeshFile, f.name, f.value)
		}
	}
	for _, f := range []struct{ name, value string }{
		{"controlPlane", m.ControlPlane}, {"policyd", m.Policyd}, {"otlp", m.OTLP}, {"als", m.ALS},
	} {
		if f.value == "" && f.name != "controlPlane" {
			continue
		}
		if !isTarget(f.value) {
			return fmt.Errorf("%s: %s: %q is not host:port", MeshFile, f.name, f.value)
		}
	}
	if _, err := netip.ParseAddr(m.Address); m.Address != "" && err != nil {
		return fmt.Errorf("%s: address: %q is no IP address", MeshFile, m.Address)
	}
	return nil
}
