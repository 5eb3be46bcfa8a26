package crds

import (
	"strconv"
	"strings"
)

// parseSize reads a number of bytes as Kubernetes writes it: "64Mi".
func parseSize(text string) (int64, bool) {
	shift := 0
	for suffix, bits := range map[string]int{"Ki": 10, "Mi": 20, "Gi": 30} {
		if digits, ok := strings.CutSuffix(text, suffix); ok {
			text, shift = digits, bits
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<62>>shift {
		return 0, false
	}
	return n << shift, true
}
