package generate

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
)

// checkDefault reads the default as the decoder would.
func (f *fieldOf) checkDefault() error {
	document := f.defaultJSON()
	switch f.shape.kind {
	case boolean:
		if *f.initial != "true" {
			return errors.New("the only one is true: false is what an absent field is")
		}
	case text, integer, float, duration:
	default:
		return errors.New("only plain values have one")
	}
	err := sdk.Read([]byte(document), func(v sdk.Value) { f.shape.read(v) })
	if err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "the configuration "))
	}
	return nil
}

// read reads a plain value and forgets it.
func (s *shape) read(v sdk.Value) {
	switch s.kind {
	case text:
		want, _ := s.text() // a pattern was compiled before
		sdk.ReadText(v, new(string), want)
	case boolean:
		sdk.ReadBool(v, new(bool))
	case integer:
		low, high := s.limits()
		sdk.ReadInt(v, new(int64), low, high)
	case float:
		low, high := -math.MaxFloat64, math.MaxFloat64
		if s.rules.min != "" {
			low, _ = strconv.ParseFloat(s.rules.min, 64)
		}
		if s.rules.max != "" {
			high, _ = strconv.ParseFloat(s.rules.max, 64)
		}
		sdk.ReadFloat(v, new(float64), low, high)
	case duration:
		sdk.ReadDuration(v, new(time.Duration))
	}
}

func (s *shape) text() (sdk.Text, error) {
	t := sdk.Text{MinLength: s.rules.minLength, MaxLength: s.rules.maxLength, Enum: s.rules.enum}
	if s.rules.pattern == "" {
		return t, nil
	}
	p, err := compile(s.rules.pattern)
	t.Pattern = &p
	return t, err
}

// limits are a whole number's own bounds, within its type's.
func (s *shape) limits() (low, high int64) {
	low, high = s.bounds()
	if s.rules.min != "" {
		low, _ = strconv.ParseInt(s.rules.min, 10, 64)
	}
	if s.rules.max != "" {
		high, _ = strconv.ParseInt(s.rules.max, 10, 64)
	}
	return low, high
}

func (f *fieldOf) defaultJSON() string {
	if f.shape.kind == text || f.shape.kind == duration {
		return quoteJSON(*f.initial)
	}
	return *f.initial
}

// defaultGo is the default in Go.
func (f *fieldOf) defaultGo() string {
	switch f.shape.kind {
	case text:
		return strconv.Quote(*f.initial)
	case duration:
		var d time.Duration
		_ = sdk.Read([]byte(quoteJSON(*f.initial)), func(v sdk.Value) { sdk.ReadDuration(v, &d) }) // was read before
		return strconv.FormatInt(int64(d), 10) + " // " + *f.initial
	}
	return *f.initial
}
