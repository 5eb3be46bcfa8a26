package sdk

import (
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string that starts here; a string without escapes shares the
// document's memory.
func (s *scanner) str() (string, error) {
	s.at++
	start := s.at
	var decoded []byte
	for s.at < len(s.text) {
		switch b := s.text[s.at]; {
		case b == '"':
			part := s.text[start:s.at]
			s.at++
			if decoded == nil {
				return part, nil
			}
			return string(append(decoded, part...)), nil
		case b < ' ':
			return "", s.failure("a control character in a string")
		case b == '\\':
			decoded = append(decoded, s.text[start:s.at]...)
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			decoded = utf8.AppendRune(decoded, r)
			start = s.at
		default:
			s.at++
		}
	}
	return "", s.failure("a string does not end")
}

// escape reads what starts with a backslash.
func (s *scanner) escape() (rune, error) {
	s.at++
	b := s.peek()
	s.at++
	switch b {
	case '"', '\\', '/':
		return rune(b), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return s.unicode()
	}
	s.at--
	return 0, s.failure("an unknown escape")
}

// unicode reads the hex digits behind \u, and the second half of a pair.
func (s *scanner) unicode() (rune, error) {
	r, ok := s.hex()
	if ok && utf16.IsSurrogate(r) {
		var low rune
		ok = s.take('\\') && s.take('u')
		if ok {
			low, ok = s.hex()
		}
		r = utf16.DecodeRune(r, low)
		ok = ok && r != utf8.RuneError
	}
	if !ok {
		return 0, s.failure("a wrong unicode escape")
	}
	return r, nil
}

func (s *scanner) hex() (rune, bool) {
	if len(s.text)-s.at < 4 {
		return 0, false
	}
	var r rune
	for _, b := range []byte(s.text[s.at : s.at+4]) {
		switch {
		case b >= '0' && b <= '9':
			b -= '0'
		case b >= 'a' && b <= 'f':
			b -= 'a' - 10
		case b >= 'A' && b <= 'F':
			b -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(b)
	}
	s.at += 4
	return r, true
}
