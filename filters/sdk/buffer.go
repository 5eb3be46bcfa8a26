package sdk

// Buffer is a Body in memory, for tests.
type Buffer struct{ bytes []byte }

var _ Body = (*Buffer)(nil)

// NewBuffer copies text.
func NewBuffer(text string) *Buffer { return &Buffer{[]byte(text)} }

// Len implements Body.
func (b *Buffer) Len() int { return len(b.bytes) }

// Read implements Body.
func (b *Buffer) Read(from, n int) []byte {
	from = max(0, min(from, len(b.bytes)))
	n = max(0, min(n, len(b.bytes)-from))
	return append([]byte(nil), b.bytes[from:from+n]...)
}

// Set implements Body.
func (b *Buffer) Set(p []byte) { b.bytes = append([]byte(nil), p...) }

// Append implements Body.
func (b *Buffer) Append(p []byte) { b.bytes = append(b.bytes, p...) }

// Prepend implements Body.
func (b *Buffer) Prepend(p []byte) { b.bytes = append(append([]byte(nil), p...), b.bytes...) }

func (b *Buffer) String() string { return string(b.bytes) }
