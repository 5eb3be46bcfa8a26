package mesh

import (
	"strings"
	"sync"
)

// output keeps what a program prints, and tells when it printed something.
type output struct {
	seen chan struct{} // closed once wanted was printed
	want string

	mu   sync.Mutex
	text strings.Builder
	once sync.Once
}

func newOutput(want string) *output { return &output{seen: make(chan struct{}), want: want} }

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(b)
	if strings.Contains(o.text.String(), o.want) {
		o.once.Do(func() { close(o.seen) })
	}
	return n, err
}

// String is everything that was printed.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
