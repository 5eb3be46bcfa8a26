// Package process reads what running programs have cost: their CPU time, from
// /proc. It never starts or ends one.
package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/PID/stat: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// Process is one running program.
type Process struct {
	Name string // "envoy default/open", "policyd"
	PID  int
}

// CPU is the time a process has spent on a core so far, its threads' and the
// kernel's on its behalf, in steps of 10 ms.
func CPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	return parseStat(string(text))
}

// parseStat reads utime and stime: the 14th and 15th field of proc(5). The
// second, the name in brackets, may hold blanks and brackets itself.
func parseStat(text string) (time.Duration, error) {
	end := strings.LastIndexByte(text, ')')
	fields := strings.Fields(text[end+1:])
	if end < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("reading CPU time: unexpected /proc stat %q", text)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// ReadPID reads a file that holds a process id.
func ReadPID(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("reading a process id: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("reading the process id in %s: %w", file, err)
	}
	return pid, nil
}
