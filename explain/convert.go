package explain

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/krater-mesh/krater/model"
)

// Convert writes a text as an attribute's type writes its values; false: it is
// none of them, and the attribute is absent. words parts a list at spaces, too.
func Convert(t model.AttributeType, text string, words bool) (string, bool) {
	switch t {
	case model.AttributeInt:
		n, err := strconv.ParseInt(text, 10, 64)
		return strconv.FormatInt(n, 10), err == nil && text[0] != '+'
	case model.AttributeDouble:
		return convertDouble(text)
	case model.AttributeBool:
		return text, text == "true" || text == "false"
	case model.AttributeDuration:
		return convertDuration(text)
	case model.AttributeTimestamp:
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || !stamp.MatchString(text) || at.UTC().Year() < 1 || at.UTC().Year() > 9999 {
			return "", false
		}
		return at.UTC().Format(time.RFC3339Nano), true
	case model.AttributeIP:
		a, err := netip.ParseAddr(text)
		return a.Unmap().String(), err == nil && a.Zone() == ""
	case model.AttributeList:
		return convertList(text, words)
	}
	return text, text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

var (
	decimal  = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	interval = regexp.MustCompile(`^-?([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`)
	stamp    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[-+][0-9]{2}:[0-9]{2})$`)
)

// convertDouble writes a decimal number with the digits that it has, no less.
func convertDouble(text string) (string, bool) {
	if !decimal.MatchString(text) || len(text) > 64 {
		return "", false
	}
	f, _, err := big.ParseFloat(text, 10, 2048, big.ToNearestEven)
	if err != nil {
		return "", false
	}
	if f.Sign() == 0 {
		return "0", true
	}
	short := f.Text('e', -1)
	_, digits, _ := strings.Cut(short, "e")
	exponent, err := strconv.Atoi(digits)
	switch {
	case err != nil || exponent > 307 || exponent < -308:
		return "", false
	case exponent >= -7 && exponent < 21:
		return f.Text('f', -1), true
	}
	mantissa, _, _ := strings.Cut(short, "e")
	return fmt.Sprintf("%se%+d", mantissa, exponent), true
}

// convertDuration reads Go's form, and writes protobuf's: seconds alone.
func convertDuration(text string) (string, bool) {
	d, err := time.ParseDuration(text)
	if err != nil || !interval.MatchString(text) {
		return "", false
	}
	sign, nanos := "", uint64(d)
	if d < 0 {
		sign, nanos = "-", uint64(-d)
	}
	out := sign + strconv.FormatUint(nanos/1e9, 10)
	if rest := nanos % 1e9; rest > 0 {
		digits := strconv.FormatUint(rest+1e9, 10)[1:]
		out += "." + strings.TrimRight(digits, "0")
	}
	return out + "s", true
}

// convertList reads a JSON array of strings, or parts of a text.
func convertList(text string, words bool) (string, bool) {
	var items []string
	if strings.HasPrefix(text, "[") {
		var values []any
		if !utf8.ValidString(text) || !unambiguous(text) || json.Unmarshal([]byte(text), &values) != nil {
			return "", false
		}
		for _, v := range values {
			item, ok := v.(string)
			if !ok {
				return "", false
			}
			items = append(items, item)
		}
	} else {
		items = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || words && r == ' ' })
	}
	var out []string
	for _, item := range items {
		if item = strings.Trim(item, " \t"); item == "" {
			continue
		}
		if _, ok := Convert(model.AttributeString, item, false); !ok || strings.Contains(item, ",") {
			return "", false
		}
		out = append(out, item)
	}
	return strings.Join(out, ","), len(out) > 0
}
