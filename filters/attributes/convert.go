package attributes

import (
	"strings"

	"github.com/krater-mesh/krater/filters/ip"
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
		a, ok := ip.Parse(text)
		return a.Unmap().String(), ok
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
