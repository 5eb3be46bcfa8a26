package sandbox

import "syscall"

// endWithParent has the kernel end Envoy if this process dies without ending it.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
