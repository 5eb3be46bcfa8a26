package attributes

import (
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
	return formatTime(days(n[0], n[1], n[2])*86400+int64(n[3]*3600+n[4]*60+n[5]-offset), nanos)
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

// days counts from 1970-01-01, by years that begin in March: the day that some
// have is their last. Package time's calendar would weigh 65 kB.
func days(year, month, day int) int64 {
	if month < 3 {
		year, month = year-1, month+12
	}
	// Year 0 is behind all that are asked for, so that no division is of less.
	return int64(365*year+year/4-year/100+year/400+(153*(month-3)+2)/5+day-1) - 719468
}

// date is the reverse.
func date(days int64) (year, month, day int) {
	n := int(days + 719468)
	era := n / 146097 // of 400 years
	n %= 146097
	inEra := (n - n/1460 + n/36524 - n/146096) / 365
	n -= 365*inEra + inEra/4 - inEra/100
	m := (5*n + 2) / 153
	day = n - (153*m+2)/5 + 1
	year, month = era*400+inEra, m+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

func daysIn(year, month int) int {
	if month == 2 && (year%4 != 0 || year%100 == 0 && year%400 != 0) {
		return 28
	}
	return [...]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

// firstSecond and lastSecond are those of the years 1 and 9999.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
)

// formatTime writes RFC 3339 in UTC, with as many digits as it takes; false:
// the year has not four digits.
func formatTime(seconds int64, nanos int) (string, bool) {
	if seconds < firstSecond || seconds > lastSecond {
		return "", false
	}
	day, rest := seconds/86400, int(seconds%86400)
	if rest < 0 {
		day, rest = day-1, rest+86400
	}
	out := make([]byte, 0, 30)
	pad := func(before string, n, scale int) {
		out = append(out, before...)
		for ; scale > 0; scale /= 10 {
			out = append(out, '0'+byte(n/scale%10))
		}
	}
	year, month, monthDay := date(day)
	pad("", year, 1000)
	pad("-", month, 10)
	pad("-", monthDay, 10)
	pad("T", rest/3600, 10)
	pad(":", rest/60%60, 10)
	pad(":", rest%60, 10)
	if nanos > 0 {
		digits := strconv.Itoa(nanos + 1e9)[1:]
		out = append(append(out, '.'), strings.TrimRight(digits, "0")...)
	}
	return string(append(out, 'Z')), true
}
