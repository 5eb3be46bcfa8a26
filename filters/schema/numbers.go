package schema

import (
	"encoding/json"
	"strconv"
	"strings"
)

// unwieldy tells of a number that would cost much to compare, or that the
// library cannot: from an exponent of a million on, it has no number at all,
// and goes on as though it had.
func unwieldy(n json.Number) bool {
	_, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	return len(n) > 1000 || len(strings.TrimLeft(exponent, "+-0")) > 4
}

// wrongNumbers finds those of a configuration.
func wrongNumbers(value any, at string) (out []Finding) {
	switch v := value.(type) {
	case json.Number:
		if unwieldy(v) {
			out = append(out, Finding{Field: at, Text: "is a number of too many digits"})
		}
	case []any:
		for i, item := range v {
			out = append(out, wrongNumbers(item, at+"["+strconv.Itoa(i)+"]")...)
		}
	case map[string]any:
		for name, item := range v {
			out = append(out, wrongNumbers(item, join(at, name))...)
		}
	}
	return out
}
