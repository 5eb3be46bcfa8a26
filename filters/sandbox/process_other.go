//go:build !linux

package sandbox

import "syscall"

func endWithParent() *syscall.SysProcAttr { return nil }
