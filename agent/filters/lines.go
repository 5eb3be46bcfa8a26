package filters

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// wrote is who wrote the last line of a thread, and what of a panic came so
// far. A trap names no filter, but Go and Rust write why, just before, on the
// same thread.
type wrote struct {
	name  string
	fatal bool
	panic *strings.Builder // nil: there is none
}

// mostPanic bounds what is kept of a panic, and panicLines how much of it is
// told: the reason, and where it was.
const (
	mostPanic  = 16 << 10
	panicLines = 8
)

// wroteLine takes in what a filter wrote. Go writes a panic in pieces, each of
// which Envoy makes a line; an empty one is a line's end.
func (k *Keeper) wroteLine(thread, name string, fatal bool, text string) {
	w := k.wrote[thread]
	if w.name != name {
		w = wrote{name: name}
	}
	w.fatal = fatal
	switch begins := fatal && (strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ")); {
	case w.panic == nil && !begins:
		k.keepLine(name, text)
	case w.panic == nil:
		w.panic = &strings.Builder{}
		fallthrough
	case w.panic.Len() < mostPanic:
		if strings.TrimSpace(text) == "" && !strings.Contains(text, "\t") {
			text = "\n"
		}
		w.panic.WriteString(text)
	}
	k.wrote[thread] = w
}

// panicked is why the thread's filter ended, "" if it did not say.
func (k *Keeper) panicked(thread string) (reason string) {
	w := k.wrote[thread]
	if w.panic == nil {
		return ""
	}
	var lines []string
	for text := range strings.Lines(w.panic.String()) {
		if text = strings.Join(strings.Fields(text), " "); text != "" {
			lines = append(lines, text)
		}
	}
	lines = lines[:min(len(lines), panicLines)]
	for _, text := range lines {
		k.keepLine(w.name, text)
	}
	return lines[0] // it began with one
}

// keepLine keeps the last lines.
func (k *Keeper) keepLine(name, text string) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	if len(text) > model.MaxFilterLine {
		text = text[:model.MaxFilterLine]
	}
	lines := append(k.lines[name], strings.ToValidUTF8(text, "?"))
	k.lines[name] = lines[max(0, len(lines)-model.MaxFilterLines):]
}
