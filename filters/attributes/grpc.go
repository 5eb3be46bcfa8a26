package attributes

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// frameHeader stands before each message of a gRPC call: a byte that tells
// whether it is compressed, and four of its size.
const frameHeader = 5

func frameSize(b []byte) int {
	if len(b) < frameHeader {
		return math.MaxInt
	}
	return int(b[1])<<24 | int(b[2])<<16 | int(b[3])<<8 | int(b[4])
}

// grpcSource is a path of field numbers.
type grpcSource []int

// draw reads the first message. Of a field that comes several times the last
// counts, as protobuf has it; a list takes all.
func (p grpcSource) draw(r *request) (string, bool) {
	size := frameSize(r.body)
	if len(r.body) == 0 || !isGRPC(r.headers) {
		return "", false
	}
	if size > len(r.body)-frameHeader || r.body[0] != 0 {
		r.unfit = true
		return "", false
	}
	var found []protoField
	if !fields(r.body[frameHeader:frameHeader+size], p, &found) {
		r.unfit = true
		return "", false
	}
	if len(found) == 0 {
		return "", false
	}
	if r.kind == "list" {
		return r.fieldList(found)
	}
	text, ok := found[len(found)-1].text(r.kind)
	r.unfit = !ok
	return text, ok
}

// fieldList gives texts as a list, which starts with a comma: it is no JSON.
func (r *request) fieldList(found []protoField) (string, bool) {
	var out []byte
	for _, f := range found {
		if f.wire != wireBytes || !utf8.Valid(f.data) {
			r.unfit = true
			return "", false
		}
		for _, b := range f.data {
			if b == ',' {
				r.unfit = true
				return "", false
			}
		}
		out = append(append(out, ','), f.data...)
	}
	return string(out), true
}

// The wire types of protobuf that are in use.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// protoField is one occurrence of a field.
type protoField struct {
	wire   uint64
	number uint64
	data   []byte
}

// fields finds every occurrence of a field, in order, in the messages that
// lead to it; false: the message is none.
func fields(message []byte, path []int, found *[]protoField) bool {
	for len(message) > 0 {
		tag, n := varint(message)
		if n == 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return false
		}
		message = message[n:]
		f := protoField{wire: tag & 7}
		switch f.wire {
		case wireVarint:
			f.number, n = varint(message)
		case wireFixed64:
			f.number, n = fixed(message, 8)
		case wireFixed32:
			f.number, n = fixed(message, 4)
		case wireBytes:
			f.data, n = delimited(message)
		default: // groups: nobody writes them any more
			return false
		}
		if n == 0 {
			return false
		}
		message = message[n:]
		switch {
		case int(tag>>3) != path[0]:
		case len(path) == 1:
			*found = append(*found, f)
		case f.wire == wireBytes && !fields(f.data, path[1:], found):
			return false
		}
	}
	return true
}

// varint gives a number, and how many bytes it takes; 0: there is none.
func varint(b []byte) (v uint64, n int) {
	for i := 0; i < len(b) && i < 10; i++ {
		if i == 9 && b[i] > 1 {
			return 0, 0
		}
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

func fixed(b []byte, size int) (v uint64, n int) {
	if len(b) < size {
		return 0, 0
	}
	for i := size - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v, size
}

func delimited(b []byte) ([]byte, int) {
	size, n := varint(b)
	if n == 0 || size > uint64(len(b)-n) {
		return nil, 0
	}
	return b[n : n+int(size)], n + int(size)
}

// text writes a field as an attribute's type reads it.
func (f protoField) text(kind string) (string, bool) {
	switch {
	case f.wire == wireBytes && (kind == "timestamp" || kind == "duration") && (len(f.data) == 0 || f.data[0] < ' '):
		return f.moment(kind)
	case f.wire == wireBytes:
		return string(f.data), utf8.Valid(f.data)
	case f.wire == wireVarint && kind == "bool":
		return strconv.FormatBool(f.number != 0), true
	case f.wire == wireFixed64 && kind == "double":
		return strconv.FormatFloat(math.Float64frombits(f.number), 'g', -1, 64), true
	case f.wire == wireFixed32 && kind == "double":
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(f.number))), 'g', -1, 64), true
	case f.wire == wireFixed32:
		return strconv.FormatInt(int64(int32(f.number)), 10), true
	}
	return strconv.FormatInt(int64(f.number), 10), true
}

// moment reads a google.protobuf.Timestamp or Duration: seconds and nanos.
func (f protoField) moment(kind string) (string, bool) {
	seconds, ok := f.last(1)
	nanos, ok2 := f.last(2)
	if !ok || !ok2 || nanos <= -1e9 || nanos >= 1e9 || seconds > 1e12 || seconds < -1e12 {
		return "", false
	}
	if kind == "timestamp" {
		text, ok := formatTime(seconds, int(nanos))
		return text, ok && nanos >= 0
	}
	if seconds > 9e9 || seconds < -9e9 || seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0 {
		return "", false
	}
	return formatSeconds(seconds*1e9 + nanos), true
}

func (f protoField) last(field int) (int64, bool) {
	var found []protoField
	if !fields(f.data, []int{field}, &found) {
		return 0, false
	}
	if len(found) == 0 || found[len(found)-1].wire != wireVarint {
		return 0, true
	}
	return int64(found[len(found)-1].number), true
}
