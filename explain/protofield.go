package explain

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/krater-mesh/krater/model"
)

// protoField is one occurrence of a field.
type protoField struct {
	kind   protowire.Type
	number uint64 // of the types that are numbers
	data   []byte // of BytesType
}

// fields finds every occurrence of a field, in the messages that lead to it,
// in order. A message that is none has no fields.
func fields(message []byte, path []uint32) (found []protoField, ok bool) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, false
		}
		message = message[n:]
		f := protoField{kind: kind}
		switch kind {
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			f.number, n = protowire.ConsumeFixed64(message)
		case protowire.Fixed32Type:
			var short uint32
			short, n = protowire.ConsumeFixed32(message)
			f.number = uint64(short)
		case protowire.BytesType:
			f.data, n = protowire.ConsumeBytes(message)
		default: // groups: nobody writes them any more
			return nil, false
		}
		if n < 0 {
			return nil, false
		}
		message = message[n:]
		switch {
		case uint32(number) != path[0]:
		case len(path) == 1:
			found = append(found, f)
		case kind == protowire.BytesType:
			inner, ok := fields(f.data, path[1:])
			if !ok {
				return nil, false
			}
			found = append(found, inner...)
		}
	}
	return found, true
}

// text writes a field as the attribute's type reads it.
func (f protoField) text(t model.AttributeType) (string, bool) {
	switch {
	case f.kind == protowire.BytesType && (t == model.AttributeTimestamp || t == model.AttributeDuration) && (len(f.data) == 0 || f.data[0] < ' '):
		return f.moment(t)
	case f.kind == protowire.BytesType:
		return string(f.data), utf8.Valid(f.data)
	case f.kind == protowire.VarintType && t == model.AttributeBool:
		return strconv.FormatBool(f.number != 0), true
	case f.kind == protowire.VarintType:
		return strconv.FormatInt(int64(f.number), 10), true
	case f.kind == protowire.Fixed64Type && t == model.AttributeDouble:
		return strconv.FormatFloat(math.Float64frombits(f.number), 'g', -1, 64), true
	case f.kind == protowire.Fixed32Type && t == model.AttributeDouble:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(f.number))), 'g', -1, 64), true
	case f.kind == protowire.Fixed64Type:
		return strconv.FormatInt(int64(f.number), 10), true
	}
	return strconv.FormatInt(int64(int32(f.number)), 10), true
}

// moment reads a google.protobuf.Timestamp or Duration: seconds and nanos.
func (f protoField) moment(t model.AttributeType) (string, bool) {
	seconds, ok := fields(f.data, []uint32{1})
	nanos, ok2 := fields(f.data, []uint32{2})
	if !ok || !ok2 {
		return "", false
	}
	last := func(list []protoField) int64 {
		if len(list) == 0 || list[len(list)-1].kind != protowire.VarintType {
			return 0
		}
		return int64(list[len(list)-1].number)
	}
	s, n := last(seconds), last(nanos)
	if n <= -1e9 || n >= 1e9 || s > 1e12 || s < -1e12 {
		return "", false
	}
	if t == model.AttributeTimestamp {
		at := time.Unix(s, n).UTC()
		return at.Format(time.RFC3339Nano), n >= 0 && at.Year() >= 1 && at.Year() <= 9999
	}
	if s > 9e9 || s < -9e9 || s > 0 && n < 0 || s < 0 && n > 0 {
		return "", false
	}
	return time.Duration(s*1e9 + n).String(), true
}
