package up

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// prefix writes whole lines, each behind its writer's name.
type prefix struct {
	mu   sync.Mutex
	to   io.Writer
	name string
	rest []byte // a line without its end
}

// maxLine is where an endless line is cut.
const maxLine = 64 << 10

func newPrefix(to io.Writer, name string) *prefix { return &prefix{to: to, name: name} }

// Write implements io.Writer. It never fails: a child must not die of its log.
func (p *prefix) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = append(p.rest, b...)
	for {
		i := bytes.IndexByte(p.rest, '\n')
		if i < 0 && len(p.rest) < maxLine {
			return len(b), nil
		}
		line := p.rest
		if i >= 0 {
			line = p.rest[:i]
		}
		fmt.Fprintf(p.to, "%s | %s\n", p.name, bytes.TrimRight(line, "\r"))
		if i < 0 {
			p.rest = p.rest[:0]
			continue
		}
		p.rest = append(p.rest[:0], p.rest[i+1:]...)
	}
}
