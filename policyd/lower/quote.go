package lower

import (
	"fmt"
	"strings"
)

// quoteText writes a text as a regular expression over its bytes.
func quoteText(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(quoteByte(s[i]))
	}
	return b.String()
}

func quoteRune(r rune) string { return quoteText(string(r)) }

func quoteByte(c byte) string {
	switch {
	case c < ' ' || c >= 0x7f:
		return fmt.Sprintf(`\x%02x`, c)
	case strings.IndexByte(`\.+*?()|[]{}^$`, c) >= 0:
		return `\` + string(rune(c))
	}
	return string(rune(c))
}

// classByte writes a byte as it stands in a class.
func classByte(c byte) string {
	if strings.IndexByte(`\^]-[`, c) >= 0 {
		return `\` + string(rune(c))
	}
	if c < ' ' || c >= 0x7f {
		return fmt.Sprintf(`\x%02x`, c)
	}
	return string(rune(c))
}
