//go:build !linux

package agent

import "syscall"

// endWithParent has no kernel help outside Linux.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func noCore(int) {}
