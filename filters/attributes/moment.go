package attributes

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// convertDuration reads numbers with units, "1m30s", and writes seconds alone.
// It is written out because time.ParseDuration also takes "0", "+1s" and ".5s".
func convertDuration(text string) (string, bool) {
	rest, negative := strings.CutPrefix(text, "-")
	if rest == "" || rest[0] < '0' || rest[0] > '9' {
		return "", false
	}
	for i := range len(rest) { // a unit, or a digit, before and behind each point
		if rest[i] == '.' && (i+1 == len(rest) || rest[i+1] < '0' || rest[i+1] > '9' || rest[i-1] < '0' || rest[i-1] > '9') {
			return "", false
		}
		if rest[i] >= 0x80 {
			return "", false
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || rest[len(rest)-1] <= '9' {
		return "", false
	}
	if negative {
		d = -d
	}
	return formatSeconds(int64(d)), true
}

// formatSeconds writes nanoseconds as protobuf's JSON does.
func formatSeconds(nanos int64) string {
	var out []byte
	n := uint64(nanos)
	if nanos < 0 {
		out, n = append(out, '-'), uint64(-nanos)
	}
	out = strconv.AppendUint(out, n/1e9, 10)
	if rest := n % 1e9; rest > 0 {
		digits := strconv.FormatUint(rest+1e9, 10)[1:]
		out = append(append(out, '.'), strings.TrimRight(digits, "0")...)
	}
	return string(append(out, 's'))
}

// convertTimestamp reads RFC 3339 and writes it in UTC.
func convertTimestamp(text string) (string, bool) {
	if len(text) < 20 || text[10] != 'T' {
		return "", false
	}
	var n [6]int // year, month, day, hour, minute, second
	for i, at := range [...]struct {
		from, to int
		before   byte
	}{{0, 4, 0}, {5, 7, '-'}, {8, 10, '-'}, {11, 13, 'T'}, {14, 16, ':'}, {17, 19, ':'}} {
		if at.from > 0 && text[at.from-1] != at.before {
			return "", false
		}
		var ok bool
		if n[i], ok = number(text[at.from:at.to]); !ok {
			return "", false
		}
	}
	nanos, rest, ok := fraction(text[19:])
	offset, ok2 := zone(rest)
	if !ok || !ok2 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > daysIn(n[0], n[1]) || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return "", false
	}
	at := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], nanos, time.UTC).Add(time.Duration(-offset) * time.Second)
	if at.Year() < 1 || at.Year() > 9999 {
		return "", false
	}
	return formatTime(at), true
}

func number(text string) (n int, ok bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = n*10 + int(text[i]-'0')
	}
	return n, true
}

// fraction reads ".123" off the front, in nanoseconds.
func fraction(text string) (nanos int, rest string, ok bool) {
	if text == "" || text[0] != '.' {
		return 0, text, true
	}
	i, scale := 1, int(1e8)
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		nanos += int(text[i]-'0') * scale
		scale /= 10
	}
	return nanos, text[i:], i > 1 && i <= 10
}

// zone reads "Z" or "+01:00", in seconds.
func zone(text string) (offset int, ok bool) {
	if text == "Z" {
		return 0, true
	}
	if len(text) != 6 || text[0] != '+' && text[0] != '-' || text[3] != ':' {
		return 0, false
	}
	hours, ok := number(text[1:3])
	minutes, ok2 := number(text[4:])
	if offset = hours*3600 + minutes*60; text[0] == '-' {
		offset = -offset
	}
	return offset, ok && ok2 && hours < 24 && minutes < 60
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// formatTime writes RFC 3339 in UTC, with as many digits as it takes.
func formatTime(t time.Time) string {
	t = t.UTC()
	out := make([]byte, 0, 30)
	pad := func(n, digits int, before string) {
		out = append(out, before...)
		for scale := int(math.Pow10(digits - 1)); scale > 0; scale /= 10 {
			out = append(out, '0'+byte(n/scale%10))
		}
	}
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		return ""
	}
	pad(year, 4, "")
	pad(int(month), 2, "-")
	pad(day, 2, "-")
	pad(t.Hour(), 2, "T")
	pad(t.Minute(), 2, ":")
	pad(t.Second(), 2, ":")
	if nanos := t.Nanosecond(); nanos > 0 {
		digits := strconv.Itoa(nanos + 1e9)[1:]
		out = append(append(out, '.'), strings.TrimRight(digits, "0")...)
	}
	return string(append(out, 'Z'))
}
