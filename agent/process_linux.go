package agent

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// noCore keeps a process from writing its memory down when it crashes: an Envoy
// that a filter made crash is to serve again within seconds, and what it held
// of requests is nobody's.
func noCore(pid int) {
	_ = unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil) // without it, it takes longer
}

// endWithParent has the kernel end the child if this process dies without
// ending it (kill -9): nothing is left running.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
