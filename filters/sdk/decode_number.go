package sdk

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ReadInt reads a whole number within bounds. As in JSON Schema, 1.0 and 1e2
// are whole.
func ReadInt[T ~int | ~int32 | ~int64 | ~uint32](v Value, into *T, min, max int64) {
	if !v.is(kindNumber) {
		return
	}
	n, ok := integer(v.v.text)
	switch {
	case !ok:
		v.Fail("is " + v.v.text + ", want a whole number")
	case n < min:
		v.Fail("is " + v.v.text + ", want at least " + decimal(int(min)))
	case n > max:
		v.Fail("is " + v.v.text + ", want at most " + decimal(int(max)))
	default:
		*into = T(n)
	}
}

// integer gives the value of a number that is whole; beyond 10^18 it is the
// nearest that is not, so that bounds refuse it. It does without strconv,
// whose errors would weigh 20 kB in every module.
func integer(text string) (n int64, ok bool) {
	text, negative := strings.CutPrefix(text, "-")
	digits, exponent := mantissa(text)
	for ; exponent < 0 && strings.HasSuffix(digits, "0"); exponent++ {
		digits = digits[:len(digits)-1]
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return 0, true
	}
	if exponent < 0 {
		return 0, false
	}
	if len(digits)+exponent > 18 {
		n = math.MaxInt64
	} else {
		for _, b := range []byte(digits + "000000000000000000"[:exponent]) {
			n = n*10 + int64(b-'0')
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

// mantissa splits an unsigned number into its digits and the power of ten that
// they count.
func mantissa(text string) (digits string, exponent int) {
	const far = 1 << 20 // digits of a document are fewer
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		power := strings.TrimPrefix(text[e+1:], "+")
		power, down := strings.CutPrefix(power, "-")
		for _, b := range []byte(power) {
			if exponent = exponent*10 + int(b-'0'); exponent > far {
				exponent = far
			}
		}
		if down {
			exponent = -exponent
		}
		text = text[:e]
	}
	whole, part, _ := strings.Cut(text, ".")
	return whole + part, exponent - len(part)
}

// ReadFloat reads a number within bounds; one that is too large for a float64
// is the largest.
func ReadFloat[T ~float64](v Value, into *T, min, max float64) {
	if !v.is(kindNumber) {
		return
	}
	n, _ := strconv.ParseFloat(v.v.text, 64)
	n = math.Min(math.Max(n, -math.MaxFloat64), math.MaxFloat64)
	switch {
	case n < min:
		v.Fail("is " + v.v.text + ", want at least " + strconv.FormatFloat(min, 'g', -1, 64))
	case n > max:
		v.Fail("is " + v.v.text + ", want at most " + strconv.FormatFloat(max, 'g', -1, 64))
	default:
		*into = T(n)
	}
}

// units of a duration.
var units = []struct {
	name string
	of   time.Duration
}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}}

// ReadDuration reads one number of at most six digits, three more behind its
// point, and a unit: "250ms", "1.5s", "2m", "1h".
func ReadDuration(v Value, into *time.Duration) {
	if !v.is(kindString) {
		return
	}
	for _, u := range units {
		if number, ok := strings.CutSuffix(v.v.text, u.name); ok {
			if n, ok := thousandths(number); ok {
				*into = time.Duration(n) * (u.of / 1000)
				return
			}
		}
	}
	v.Fail("is " + quote(v.v.text) + `, want a duration like "250ms", "1.5s", "2m" or "1h"`)
}

func thousandths(text string) (n int, ok bool) {
	whole, part, point := strings.Cut(text, ".")
	if len(whole) < 1 || len(whole) > 6 || len(part) > 3 || point && part == "" {
		return 0, false
	}
	for _, b := range []byte(whole + part + "000"[len(part):]) {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = n*10 + int(b-'0')
	}
	return n, true
}

func decimal(n int) string { return strconv.Itoa(n) }
