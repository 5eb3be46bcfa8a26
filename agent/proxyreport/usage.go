package proxyreport

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a process took. It is zero where the system does not tell.
type usage struct {
	cpu    time.Duration
	memory int64 // resident bytes
}

// tick is the unit in which Linux counts a process' time, on every machine.
const tick = 10 * time.Millisecond

func use(pid int) (out usage) {
	if pid == 0 {
		return out
	}
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		out.cpu = cpu(text)
	}
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)); err == nil {
		if field := strings.Fields(string(text)); len(field) > 1 {
			pages, _ := strconv.ParseInt(field[1], 10, 64)
			out.memory = pages * int64(os.Getpagesize())
		}
	}
	return out
}

// cpu reads /proc/PID/stat: user and system time are the 14th and 15th field,
// and the 2nd, in parentheses, may hold anything.
func cpu(stat []byte) time.Duration {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}
