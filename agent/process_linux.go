package agent

import "syscall"

// endWithParent has the kernel end the child if this process dies without
// ending it (kill -9): nothing is left running.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
