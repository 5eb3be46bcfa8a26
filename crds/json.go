package crds

import (
	"encoding/json"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// jsonReader reads JSON as the YAML library would, in a tenth of its time. What
// the two may not read alike it leaves to the library: ok is false then.
type jsonReader struct {
	data []byte
	at   int
	line int
	ok   bool
}

// deepestJSON is how deep values may be within each other here.
const deepestJSON = 100

// readJSON reads a value that is all there is, but for blanks.
func readJSON(data []byte, line int) (*Node, bool) {
	r := &jsonReader{data: data, line: line, ok: true}
	n := r.value(0)
	r.blanks()
	return n, r.ok && r.at == len(data)
}

func (r *jsonReader) blanks() {
	for ; r.at < len(r.data); r.at++ {
		switch r.data[r.at] {
		case '\n':
			r.line++
		case ' ', '\t':
		default:
			return
		}
	}
}

// next is the next byte behind blanks, which is not taken; 0: there is none.
func (r *jsonReader) next() byte {
	r.blanks()
	if r.at == len(r.data) || !r.ok {
		return 0
	}
	return r.data[r.at]
}

// take takes a byte, if it is the next one.
func (r *jsonReader) take(b byte) bool {
	if r.next() != b {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) value(depth int) *Node {
	switch b := r.next(); {
	case depth > deepestJSON:
		r.ok = false
		return nil
	case b == '{':
		return r.mapping(depth)
	case b == '[':
		return r.list(depth)
	case b == '"':
		return &Node{Kind: Scalar, Line: r.line, Value: r.text()}
	}
	return r.word()
}

func (r *jsonReader) mapping(depth int) *Node {
	n := &Node{Kind: Mapping, Line: r.line}
	r.at++
	if r.take('}') {
		return n
	}
	seen := map[string]struct{}{}
	for r.ok {
		if r.next() != '"' {
			break
		}
		f := NodeField{Line: r.line, Name: r.text()}
		if _, twice := seen[f.Name]; twice || f.Name == "<<" || !r.take(':') {
			break
		}
		seen[f.Name] = struct{}{}
		f.Value = r.value(depth + 1)
		n.Fields = append(n.Fields, f)
		if r.take('}') {
			return n
		}
		if !r.take(',') {
			break
		}
	}
	r.ok = false
	return n
}

func (r *jsonReader) list(depth int) *Node {
	n := &Node{Kind: List, Line: r.line}
	r.at++
	if r.take(']') {
		return n
	}
	for r.ok {
		n.Items = append(n.Items, r.value(depth+1))
		if r.take(']') {
			return n
		}
		if !r.take(',') {
			break
		}
	}
	r.ok = false
	return n
}

// text reads a text in quotes.
func (r *jsonReader) text() string {
	begin, plain := r.at, true
	for r.at++; r.at < len(r.data); {
		b := r.data[r.at]
		switch {
		case b == '"':
			r.at++
			if plain {
				return string(r.data[begin+1 : r.at-1])
			}
			var out string
			r.ok = r.ok && json.Unmarshal(r.data[begin:r.at], &out) == nil
			return out
		case b == '\\':
			plain = false
			r.at += 2
		case b >= ' ' && b < 0x7F:
			r.at++
		default:
			c, size := utf8.DecodeRune(r.data[r.at:])
			if c < 0xA0 || c == utf8.RuneError || c == 0x2028 || c == 0x2029 || c == 0xFEFF || c == 0xFFFE || c == 0xFFFF {
				r.ok = false
				return ""
			}
			r.at += size
		}
	}
	r.at, r.ok = len(r.data), false
	return ""
}

// word reads true, false, null or a number.
func (r *jsonReader) word() *Node {
	begin := r.at
	for r.at < len(r.data) && isWord(r.data[r.at]) {
		r.at++
	}
	n := &Node{Kind: Scalar, Line: r.line}
	switch word := string(r.data[begin:r.at]); word {
	case "true", "false":
		n.Value = word == "true"
	case "null":
		n.Kind = Null
	default:
		if plainFloat.MatchString(word) {
			n.Value, _ = strconv.ParseFloat(word, 64)
			return n
		}
		number, err := strconv.ParseInt(word, 10, 64)
		r.ok = r.ok && err == nil && strconv.FormatInt(number, 10) == word
		n.Value = number
	}
	return n
}

// plainFloat is a number that nobody reads in two ways.
var plainFloat = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})\.[0-9]{1,15}$`)

func isWord(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '+' || b == '.' || b >= 'A' && b <= 'Z'
}
