package explain

import (
	"regexp"
	"strconv"
	"strings"
)

// command is a percent sign, written twice, or a command of Envoy's that reads
// a header of the request: %REQ(first?second):length%.
var command = regexp.MustCompile(`%%|%(?:REQ|REQUEST_HEADER)\(([^?)]*)(?:\?([^)]*))?\)(?::([0-9]+))?%`)

// formatted is what Envoy makes of a header's value. Commands that an
// explanation cannot know the result of stay as they are.
func formatted(value string, v View) string {
	if !strings.Contains(value, "%") {
		return value
	}
	return command.ReplaceAllStringFunc(value, func(text string) string {
		if text == "%%" {
			return "%"
		}
		parts := command.FindStringSubmatch(text)
		values := v.Values(parts[1])
		if len(values) == 0 && parts[2] != "" {
			values = v.Values(parts[2])
		}
		got := strings.Join(values[:min(1, len(values))], "") // the first of several
		if n, err := strconv.Atoi(parts[3]); err == nil && n < len(got) {
			got = got[:n]
		}
		return got
	})
}
