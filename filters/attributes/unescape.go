package attributes

import (
	"strings"
	"unicode/utf8"
)

// unescape decodes percent escapes, and "+" to a space if plus. Where that
// would give a control character or invalid UTF-8, or an escape is malformed,
// the text stays as it is: a value can always stand in a header and a log.
func unescape(text string, plus bool) string {
	if strings.IndexByte(text, '%') < 0 && !(plus && strings.IndexByte(text, '+') >= 0) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch {
		case b == '+' && plus:
			b = ' '
		case b == '%':
			if i+2 >= len(text) {
				return text
			}
			high, low := digit(text[i+1]), digit(text[i+2])
			if high > 15 || low > 15 {
				return text
			}
			b = high<<4 | low
			i += 2
		}
		if b < ' ' || b == 0x7f {
			return text
		}
		out = append(out, b)
	}
	if !utf8.Valid(out) {
		return text
	}
	return string(out)
}

// digit gives a hex digit's value, or more than 15.
func digit(b byte) byte {
	switch {
	case b >= '0' && b <= '9':
		return b - '0'
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10
	}
	return 16
}
