package attributes

import (
	"strconv"
	"strings"
)

// convertInt writes a whole number of 64 bits without leading zeros. It goes by
// the digits: strconv's errors would weigh 20 kB.
func convertInt(text string) (string, bool) {
	rest, negative := strings.CutPrefix(text, "-")
	if after, ok := digits(rest); !ok || after != "" {
		return "", false
	}
	limit := "9223372036854775807"
	if negative {
		limit = "9223372036854775808"
	}
	rest = strings.TrimLeft(rest, "0")
	switch {
	case rest == "":
		return "0", true
	case len(rest) > len(limit), len(rest) == len(limit) && rest > limit:
		return "", false
	case negative:
		return "-" + rest, true
	}
	return rest, true
}

// longestNumber bounds what is looked at digit by digit.
const longestNumber = 64

// convertDouble writes a decimal number as short as it is: "1.50" is "1.5",
// "1e3" is "1000". It goes by the digits, so none is lost, and because
// strconv.ParseFloat would weigh 60 kB.
func convertDouble(text string) (string, bool) {
	if len(text) > longestNumber {
		return "", false
	}
	rest, negative := strings.CutPrefix(text, "-")
	after, ok := digits(rest)
	whole, fraction := rest[:len(rest)-len(after)], ""
	if rest, point := strings.CutPrefix(after, "."); ok && point {
		after, ok = digits(rest)
		fraction = rest[:len(rest)-len(after)]
	}
	exponent, good := exponentOf(after)
	if !ok || !good {
		return "", false
	}
	point := len(whole) + exponent // where it stands in the digits
	all := whole + fraction
	short := strings.TrimLeft(all, "0")
	point -= len(all) - len(short)
	short = strings.TrimRight(short, "0")
	switch {
	case short == "":
		return "0", true
	case point > 308 || point < -307: // doubles end there
		return "", false
	}
	return writeDecimal(negative, short, point), true
}

// exponentOf reads "e-7"; nothing is 0.
func exponentOf(text string) (n int, ok bool) {
	if text == "" {
		return 0, true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return 0, false
	}
	text = text[1:]
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	rest, ok := digits(text)
	text = strings.TrimLeft(text, "0")
	if !ok || rest != "" || len(text) > 4 {
		return 0, false
	}
	n, ok = number(text)
	if negative {
		n = -n
	}
	return n, ok
}

// writeDecimal writes 0.DIGITS times ten to the point, with an exponent where
// many zeros would stand.
func writeDecimal(negative bool, digits string, point int) string {
	out := make([]byte, 0, 32)
	if negative {
		out = append(out, '-')
	}
	switch exponent := point - 1; {
	case exponent < -7 || exponent >= 21:
		out = append(out, digits[0])
		if len(digits) > 1 {
			out = append(append(out, '.'), digits[1:]...)
		}
		out = append(out, 'e')
		if exponent > 0 {
			out = append(out, '+')
		}
		return string(strconv.AppendInt(out, int64(exponent), 10))
	case point <= 0:
		out = append(out, "0."...)
		for range -point {
			out = append(out, '0')
		}
		return string(append(out, digits...))
	case point >= len(digits):
		out = append(out, digits...)
		for range point - len(digits) {
			out = append(out, '0')
		}
		return string(out)
	}
	return string(append(append(append(out, digits[:point]...), '.'), digits[point:]...))
}

// digits cuts digits off the front; false: there are none.
func digits(text string) (rest string, ok bool) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return text[i:], i > 0
}
