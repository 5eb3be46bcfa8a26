package code

// reader walks over bytes. It leaves by panicking with a *Refusal, which Read
// recovers: what stands behind a wrong byte is never looked at.
type reader struct {
	b  []byte
	at int
}

func (r *reader) left() int { return len(r.b) - r.at }

func (r *reader) rest() []byte { return r.b[r.at:] }

func (r *reader) fail(format string, args ...any) { panic(damaged(format, args...)) }

func (r *reader) byte() byte {
	if r.left() < 1 {
		r.fail("it ends in the middle")
	}
	r.at++
	return r.b[r.at-1]
}

func (r *reader) skip(n int) {
	if n < 0 || n > r.left() {
		r.fail("it ends in the middle")
	}
	r.at += n
}

// u64 reads a number without a sign, of at most so many bits.
func (r *reader) u64(bits uint) (n uint64) {
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.byte()
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
	r.fail("a number is longer than %d bits", bits)
	return 0
}

func (r *reader) u32() uint32 { return uint32(r.u64(32)) }

// s64 skips or reads a number with a sign.
func (r *reader) s64() (n int64) {
	for shift := uint(0); shift < 70; shift += 7 {
		c := r.byte()
		if shift < 64 {
			n |= int64(c&0x7f) << shift
		}
		if c < 0x80 {
			if shift+7 < 64 && c&0x40 != 0 {
				n |= -1 << (shift + 7)
			}
			return n
		}
	}
	r.fail("a number is longer than 64 bits")
	return 0
}

// size reads a count of bytes that are there.
func (r *reader) size(what string) int {
	n := r.u32()
	if uint64(n) > uint64(r.left()) {
		r.fail("%s is %d, and only %d bytes are left", what, n, r.left())
	}
	return int(n)
}

// count reads how many things follow: each has a byte at least.
func (r *reader) count(what string, most int) int {
	n := r.u32()
	if uint64(n) > uint64(r.left()) {
		r.fail("it says to have %d %s, and only %d bytes are left", n, what, r.left())
	}
	if int(n) > most {
		panic(refuse("split it, or leave out what is not used", "it has %d %s; at most %d are taken", n, what, most))
	}
	return int(n)
}

func (r *reader) sub(n int) *reader {
	from := r.at
	r.skip(n)
	return &reader{b: r.b[from:r.at]}
}

func (r *reader) name() string {
	n := r.size("a name's length")
	if n > maxName {
		r.fail("a name has %d bytes", n)
	}
	from := r.at
	r.skip(n)
	return string(r.b[from:r.at])
}
