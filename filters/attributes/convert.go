package attributes

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Convert writes a text as an attribute's type writes its values; false: it is
// none of them. words parts a list at spaces, too.
func Convert(kind, text string, words bool) (string, bool) {
	switch kind {
	case "int":
		return convertInt(text)
	case "double":
		return convertDouble(text)
	case "bool":
		return text, text == "true" || text == "false"
	case "duration":
		return convertDuration(text)
	case "timestamp":
		return convertTimestamp(text)
	case "ip":
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return "", false
		}
		return a.Unmap().String(), true
	case "list":
		return convertList(text, words)
	}
	return text, text != "" && fit(text)
}

// fit tells whether a text can stand in a header and a log.
func fit(text string) bool {
	for i := 0; i < len(text); i++ {
		if b := text[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

func convertInt(text string) (string, bool) {
	if text == "" || text[0] == '+' {
		return "", false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return "", false
	}
	return strconv.FormatInt(n, 10), true
}

// convertDouble takes JSON's form of numbers, leading zeros too.
func convertDouble(text string) (string, bool) {
	rest, _ := strings.CutPrefix(text, "-")
	rest, ok := digits(rest)
	if fraction, more := strings.CutPrefix(rest, "."); ok && more {
		rest, ok = digits(fraction)
	}
	if ok && rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		if rest = rest[1:]; rest != "" && (rest[0] == '-' || rest[0] == '+') {
			rest = rest[1:]
		}
		rest, ok = digits(rest)
	}
	if !ok || rest != "" {
		return "", false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return "", false
	}
	return strconv.FormatFloat(f, 'g', -1, 64), true
}

// digits cuts digits off the front; false: there are none.
func digits(text string) (rest string, ok bool) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return text[i:], i > 0
}

// convertList reads a JSON array of strings, or parts of a text.
func convertList(text string, words bool) (string, bool) {
	var out []byte
	add := func(item string) bool {
		if item = strings.Trim(item, " \t"); item == "" {
			return true
		}
		if strings.IndexByte(item, ',') >= 0 || !fit(item) {
			return false
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		out = append(out, item...)
		return true
	}
	if text != "" && text[0] == '[' {
		list, err := sdk.ParseJSON([]byte(text))
		if err != nil {
			return "", false
		}
		for _, item := range list.Items() {
			if item.Type() != "string" || !add(item.Text()) {
				return "", false
			}
		}
		return string(out), len(out) > 0
	}
	for start, i := 0, 0; i <= len(text); i++ {
		if i == len(text) || text[i] == ',' || words && text[i] == ' ' {
			if !add(text[start:i]) {
				return "", false
			}
			start = i + 1
		}
	}
	return string(out), len(out) > 0
}
