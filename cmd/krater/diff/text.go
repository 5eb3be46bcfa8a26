package diff

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Changed tells whether the edit changes anything.
func (r Report) Changed() bool { return len(r.Classes) > 0 }

// key is the same for proxies with the same changes.
func (c Class) key() string {
	text, err := json.Marshal(struct {
		P Kind
		C []Change
	}{c.Proxy, c.Changes})
	if err != nil { // plain values only: a bug here
		panic(fmt.Sprintf("diff: writing a class: %v", err))
	}
	return string(text)
}

var signs = map[Kind]string{Added: "+", Removed: "-", Changed: "~"}

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	p := &printer{w: w}
	for _, c := range r.Classes {
		what := ""
		if c.Proxy != "" {
			what = string(c.Proxy) + ", "
		}
		p.line("%s%s: %s", what, plural(len(c.Proxies), "proxy", "proxies"), strings.Join(c.Proxies, ", "))
		for _, change := range c.Changes {
			p.line("  %s %s %s", signs[change.Change], change.Type, change.Name)
			for _, f := range change.Fields {
				p.field(f)
			}
		}
		p.line("")
	}
	if n := len(r.Unchanged); n > 0 {
		p.line("%s as before", plural(n, "proxy", "proxies"))
	}
	return p.err
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) field(f Field) {
	switch {
	case f.From == nil:
		p.line("      + %s: %s", f.Path, value(f.To))
	case f.To == nil:
		p.line("      - %s: %s", f.Path, value(f.From))
	default:
		p.line("      ~ %s: %s → %s", f.Path, value(f.From), value(f.To))
	}
}

// widest is how much of a value is shown; -o json has all of it.
const widest = 200

func value(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(text) > widest {
		return string(text[:widest]) + "…"
	}
	return string(text)
}
