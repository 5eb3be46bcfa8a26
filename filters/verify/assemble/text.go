package assemble

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Text reads a module in WebAssembly's text format, as far as it is used here:
// flat instructions, names for all that has an index, numbers of 32 bits in
// locals and globals.
func Text(text string) (m Module, err error) {
	defer func() {
		if broken, ok := recover().(textError); ok {
			err = broken
		}
	}()
	r := &textReader{tokens: tokens(text), funcs: map[string]uint32{}, globals: map[string]uint32{}}
	r.count()
	r.want("(", "module")
	for r.next() == "(" {
		r.field(&m)
	}
	return m, nil
}

type textError string

func (e textError) Error() string { return string(e) }

type textReader struct {
	tokens         []string
	funcs, globals map[string]uint32
}

// tokens are brackets, texts with their quotes, and words.
func tokens(text string) (out []string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";;")
		for i, part := range strings.Split(line, `"`) {
			if i%2 == 1 {
				out = append(out, `"`+part+`"`)
				continue
			}
			out = append(out, strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(part))...)
		}
	}
	return out
}

// count gives each function and global its index, before any is used.
func (r *textReader) count() {
	for i, word := range r.tokens[:max(0, len(r.tokens)-2)] {
		into := map[string]map[string]uint32{"func": r.funcs, "global": r.globals}[r.tokens[i+1]]
		if name := r.tokens[i+2]; word == "(" && into != nil && name[0] == '$' {
			into[name] = uint32(len(into))
		}
	}
}

func (r *textReader) take() string {
	if len(r.tokens) == 0 {
		panic(textError("the text ends early"))
	}
	word := r.tokens[0]
	r.tokens = r.tokens[1:]
	return word
}

func (r *textReader) next() string {
	if len(r.tokens) == 0 {
		return ""
	}
	return r.tokens[0]
}

func (r *textReader) want(words ...string) {
	for _, word := range words {
		if have := r.take(); have != word {
			panic(textError(fmt.Sprintf("have %s, want %s", have, word)))
		}
	}
}

// begins tells whether a bracket with a word comes, and takes it.
func (r *textReader) begins(word string) bool {
	if len(r.tokens) < 2 || r.tokens[0] != "(" || r.tokens[1] != word {
		return false
	}
	r.tokens = r.tokens[2:]
	return true
}

func (r *textReader) quoted() string {
	return strings.ReplaceAll(strings.Trim(r.take(), `"`), `\00`, "\x00")
}

func (r *textReader) number(bits int) int64 {
	word := r.take()
	n, err := strconv.ParseInt(word, 0, bits)
	if err != nil {
		panic(textError(word + " is no number"))
	}
	return n
}

// constant is "(i32.const N)".
func (r *textReader) constant() int32 {
	r.want("(", "i32.const")
	n := r.number(32)
	r.want(")")
	return int32(n)
}

func (r *textReader) field(m *Module) {
	switch {
	case r.begins("import"):
		i := Import{Module: r.quoted(), Name: r.quoted()}
		r.want("(", "func")
		r.take()
		i.Type = r.signature(nil)
		m.Imports = append(m.Imports, i)
		r.want(")")
	case r.begins("memory"):
		m.Exports = append(m.Exports, Export{Name: r.exported(), Kind: 2})
		m.Memories = append(m.Memories, Limits{Min: uint32(r.number(33)), Max: uint32(r.number(33))})
	case r.begins("global"):
		r.take()
		r.want("(", "mut", "i32", ")")
		m.Globals = append(m.Globals, Global{Init: r.constant()})
	case r.begins("data"):
		m.Data = append(m.Data, Data{Offset: r.constant(), Bytes: []byte(r.quoted())})
	case r.begins("func"):
		r.take()
		m.Funcs = append(m.Funcs, r.function())
	default:
		panic(textError("nothing here is a " + r.take() + r.take()))
	}
	r.want(")")
}

func (r *textReader) exported() (name string) {
	if r.begins("export") {
		name = r.quoted()
		r.want(")")
	}
	return name
}

// signature reads parameters and what is given back, as Signature has them.
func (r *textReader) signature(names map[string]uint32) (out string) {
	letters := map[string]string{"i32": "i", "i64": "I"}
	for r.begins("param") {
		for r.next() != ")" {
			if word := r.take(); word[0] == '$' {
				names[word] = uint32(len(names))
			} else {
				out += letters[word]
			}
		}
		r.take()
	}
	out += ":"
	if r.begins("result") {
		out += letters[r.take()]
		r.want(")")
	}
	return out
}

func (r *textReader) function() Func {
	locals := map[string]uint32{}
	f := Func{Export: r.exported()}
	f.Type = r.signature(locals)
	for r.begins("local") {
		locals[r.take()] = uint32(len(locals))
		r.want("i32", ")")
		f.Locals++
	}
	var labels []string
	for r.next() != ")" {
		f.Body = append(f.Body, r.instruction(locals, &labels)...)
	}
	return f
}

// plain are instructions with nothing behind them, or always the same.
var plain = map[string][]byte{
	"else": {0x05}, "return": {0x0f}, "drop": {0x1a}, "memory.size": {0x3f, 0}, "memory.grow": {0x40, 0}, "memory.copy": {0xfc, 10, 0, 0},
	"i32.eqz": {0x45}, "i32.eq": {0x46}, "i32.ne": {0x47}, "i32.lt_u": {0x49}, "i32.gt_u": {0x4b}, "i32.le_s": {0x4c}, "i32.ge_u": {0x4f},
	"i32.add": {0x6a}, "i32.sub": {0x6b}, "i32.mul": {0x6c}, "i32.and": {0x71}, "i32.or": {0x72}, "i32.shl": {0x74}, "i64.lt_u": {0x54}, "i64.sub": {0x7d},
}

// accesses read and write memory; behind each is how it is aligned.
var accesses = map[string][]byte{
	"i32.load": {0x28, 2}, "i64.load": {0x29, 3}, "i32.load8_u": {0x2d, 0}, "i32.store": {0x36, 2}, "i64.store": {0x37, 3}, "i32.store8": {0x3a, 0},
}

var blocks = map[string]byte{"block": 0x02, "loop": 0x03, "if": 0x04}

var branches = map[string]byte{"br": 0x0c, "br_if": 0x0d}

var indexed = map[string]byte{"local.get": 0x20, "local.set": 0x21, "local.tee": 0x22, "global.get": 0x23, "global.set": 0x24, "call": 0x10}

func (r *textReader) instruction(locals map[string]uint32, labels *[]string) []byte {
	word := r.take()
	if code, ok := plain[word]; ok {
		return code
	}
	if code, ok := accesses[word]; ok {
		offset := uint64(0)
		if text, given := strings.CutPrefix(r.next(), "offset="); given {
			r.take()
			offset, _ = strconv.ParseUint(text, 0, 32)
		}
		return binary.AppendUvarint(append([]byte(nil), code...), offset)
	}
	if code, ok := indexed[word]; ok {
		names := map[string]map[string]uint32{"call": r.funcs, "global.get": r.globals, "global.set": r.globals}[word]
		if names == nil {
			names = locals
		}
		return append([]byte{code}, U32(indexOf(names, r.take()))...)
	}
	if code, ok := blocks[word]; ok {
		return append([]byte{code}, r.block(labels))
	}
	if code, ok := branches[word]; ok {
		return append([]byte{code}, U32(depth(*labels, r.take()))...)
	}
	switch word {
	case "end":
		*labels = (*labels)[:len(*labels)-1]
		return []byte{End}
	case "i32.const":
		return append([]byte{Const}, I32(int32(r.number(33)))...)
	case "i64.const":
		return append([]byte{0x42}, I64(r.number(64))...)
	}
	panic(textError(word + " is no instruction known here"))
}

// block is a block's type; its label is remembered.
func (r *textReader) block(labels *[]string) byte {
	label := ""
	if word := r.next(); word != "" && word[0] == '$' {
		label = r.take()
	}
	*labels = append(*labels, label)
	if r.begins("result") {
		r.want("i32", ")")
		return 0x7f
	}
	return Empty
}

func indexOf(names map[string]uint32, name string) uint32 {
	n, ok := names[name]
	if !ok {
		panic(textError(name + " is not there"))
	}
	return n
}

// depth is how many blocks lie between a branch and the one that it names.
func depth(labels []string, name string) uint32 {
	for i := len(labels) - 1; i >= 0; i-- {
		if labels[i] == name {
			return uint32(len(labels) - 1 - i)
		}
	}
	panic(textError("no block is " + name))
}
