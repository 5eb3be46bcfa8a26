package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Size is the memory of a process that is in RAM, in bytes.
type Size struct {
	Resident int64 // now
	Peak     int64
}

// Memory reads it from /proc.
func Memory(pid int) (Size, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Size{}, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	return parseStatus(string(text))
}

// parseStatus reads VmRSS and VmHWM, which are in kB.
func parseStatus(text string) (Size, error) {
	var s Size
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		var to *int64
		switch name {
		case "VmRSS":
			to = &s.Resident
		case "VmHWM":
			to = &s.Peak
		default:
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return s, fmt.Errorf("reading memory: %w", err)
		}
		*to = kilobytes << 10
	}
	if s.Resident == 0 || s.Peak == 0 {
		return s, fmt.Errorf("reading memory: no VmRSS and VmHWM")
	}
	return s, nil
}
