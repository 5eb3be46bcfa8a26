// Package state names the folder in which one mesh keeps what it needs on this
// machine: sockets, last good configuration, modules, logs. It finds the
// folder from the mesh's own, and holds the lock that makes it the only one.
package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Layout is one mesh's folder.
type Layout struct{ Dir string }

// maxSocketPath is what the kernel takes for a Unix socket, its final zero included.
const maxSocketPath = 108

// Root is where meshes keep their folders: $KRATER_STATE, else the user's
// state folder.
func Root() (string, error) {
	if dir := os.Getenv("KRATER_STATE"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "krater"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for state: %w; set KRATER_STATE", err)
	}
	return filepath.Join(home, ".local", "state", "krater"), nil
}

// For gives the folder of the mesh that is declared in a folder: the same one
// on each call, another one for each mesh.
func For(mesh string) (Layout, error) {
	abs, err := filepath.Abs(mesh)
	if err != nil {
		return Layout{}, fmt.Errorf("finding %s: %w", mesh, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	root, err := Root()
	if err != nil {
		return Layout{}, err
	}
	sum := sha256.Sum256([]byte(abs))
	name := filepath.Base(abs)
	if len(name) > 24 {
		name = name[:24]
	}
	return New(filepath.Join(root, name+"-"+hex.EncodeToString(sum[:4])))
}

// New is a layout in a given folder.
func New(dir string) (Layout, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("finding %s: %w", dir, err)
	}
	return Layout{abs}, nil
}

// Make makes the folder, readable by its user only. Sockets are to be in it:
// its path must not be too long for those, and nobody else may write there.
func (l Layout) Make() error {
	if longest := filepath.Join(l.Dir, "a/01234567/ads.sock.1234567"); len(longest) >= maxSocketPath {
		return fmt.Errorf("the state folder %s is too long for Unix sockets (%d of %d bytes): set KRATER_STATE to a shorter one", l.Dir, len(longest), maxSocketPath-1)
	}
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return fmt.Errorf("making the state folder: %w", err)
	}
	info, err := os.Stat(l.Dir)
	if err != nil {
		return fmt.Errorf("making the state folder: %w", err)
	}
	// Who can write there could put files and sockets of its own in their place.
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("the state folder %s can be written by others (mode %04o): run `chmod 700 %[1]s`, or name a folder that is not there yet", l.Dir, mode)
	}
	return nil
}

// Path is a file or folder within.
func (l Layout) Path(parts ...string) string {
	return filepath.Join(append([]string{l.Dir}, parts...)...)
}

// Socket is the target "unix:PATH" of a part's socket: "xds", "admin",
// "policyd", "otlp", "als".
func (l Layout) Socket(part string) string { return "unix:" + l.Path(part+".sock") }

// Agent is the folder of one workload's agent.
func (l Layout) Agent(workloadID string) string {
	return l.Path("agents", strings.ReplaceAll(workloadID, "/", "."))
}

// AgentSockets is the folder of the sockets that a workload's Envoy asks: a
// short name, whatever the workload's.
func (l Layout) AgentSockets(workloadID string) string {
	sum := sha256.Sum256([]byte(workloadID))
	return l.Path("a", hex.EncodeToString(sum[:4]))
}

// ErrRunning says that another process holds the mesh.
var ErrRunning = errors.New("already running")

// Lock makes this process the mesh's only one, and writes its process id. The
// kernel lets go of the lock when the process ends, however it ends.
func (l Layout) Lock() (release func(), err error) {
	if err := l.Make(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(l.Path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the mesh: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := l.PID()
		f.Close()
		return nil, fmt.Errorf("the mesh is %w as process %d: `krater status` shows it, `krater down` ends it", ErrRunning, pid)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking the mesh: %w", err)
	}
	return func() { f.Close() }, nil
}

// PID is the process that holds the mesh, if one does.
func (l Layout) PID() (int, bool) {
	f, err := os.OpenFile(l.Path("lock"), os.O_RDWR, 0)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		return 0, false // nobody held it
	}
	text := make([]byte, 32)
	n, _ := f.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	return pid, err == nil && pid > 0
}

// Running lists the meshes of this user that a process holds.
func Running() ([]Layout, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for running meshes: %w", err)
	}
	var out []Layout
	for _, e := range entries {
		l := Layout{filepath.Join(root, e.Name())}
		if _, ok := l.PID(); ok {
			out = append(out, l)
		}
	}
	return out, nil
}

// Find gives the running mesh of a folder, or the only running one where no
// folder is given.
func Find(mesh string) (Layout, error) {
	if mesh != "" {
		l, err := For(mesh)
		if err != nil {
			return Layout{}, err
		}
		if _, ok := l.PID(); !ok {
			return Layout{}, fmt.Errorf("no mesh of %s is running: start it with `krater up %s`", mesh, mesh)
		}
		return l, nil
	}
	running, err := Running()
	switch {
	case err != nil:
		return Layout{}, err
	case len(running) == 0:
		return Layout{}, errors.New("no mesh is running: start one with `krater up DIR`")
	case len(running) > 1:
		var names []string
		for _, l := range running {
			names = append(names, filepath.Base(l.Dir))
		}
		return Layout{}, fmt.Errorf("%d meshes are running (%s): name the folder of one", len(running), strings.Join(names, ", "))
	}
	return running[0], nil
}
