package filters

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// LogFormat is the one in which Envoy has to log: level, logger, thread and
// text. Line ends in a text are escaped, so that no filter can write a line in
// another's name.
const LogFormat = "%L %n %t %_"

// mostLine is how much of a line is kept that has no end.
const mostLine = 64 << 10

// output is Envoy's on its way to its log. Each line is shown to the keeper
// first; what Envoy tells of the requests that it held when it crashed is left
// out: headers with somebody's secrets stand in it.
type output struct {
	to   io.Writer
	line func(line)

	mu      sync.Mutex
	part    []byte
	crashed bool
	hidden  bool
}

// line is one line of Envoy's log.
type line struct {
	level  byte
	logger string
	thread string
	text   string
}

// form is that of LogFormat.
var form = regexp.MustCompile(`^([TDIWEC]) ([a-z0-9_-]+) (\d+) (.*)$`)

func readLine(text string) (line, bool) {
	m := form.FindStringSubmatch(text)
	if m == nil {
		return line{}, false
	}
	return line{m[1][0], m[2], m[3], m[4]}, true
}

// Write implements io.Writer.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.part = append(o.part, text...)
	for {
		end := bytes.IndexByte(o.part, '\n')
		if end < 0 {
			if len(o.part) > mostLine {
				o.pass(o.part)
				o.part = nil
			}
			return len(text), nil
		}
		o.pass(o.part[:end])
		o.part = o.part[end+1:]
	}
}

func (o *output) pass(text []byte) {
	l, ok := readLine(string(text))
	switch {
	case ok && l.logger == "backtrace":
		o.crashed = true
	case !ok && o.crashed && !o.hidden:
		o.hidden = true
		_, _ = io.WriteString(o.to, "(what it held of requests when it crashed is left out)\n")
		return
	case !ok && o.crashed:
		return
	}
	_, _ = o.to.Write(append(text, '\n')) // a log that cannot be written must not end Envoy
	if ok {
		o.line(l)
	}
}

// fresh is called before another Envoy writes.
func (o *output) fresh() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.part, o.crashed, o.hidden = nil, false, false
}

var frame = regexp.MustCompile(`^#\d+: .*\[0x([0-9a-f]+)\]$`)

// frameOf is the address of a line of Envoy's backtrace.
func (l line) frameOf() (address uint64, ok bool) {
	if l.logger != "backtrace" {
		return 0, false
	}
	m := frame.FindStringSubmatch(l.text)
	if m == nil {
		return 0, false
	}
	address, err := strconv.ParseUint(m[1], 16, 64)
	return address, err == nil
}

// stuck tells that Envoy's watchdog ends it.
func (l line) stuck() bool {
	return l.logger == "misc" && strings.HasPrefix(l.text, "Watchdog AbortAction terminating thread")
}

// trap tells that a filter's function ended without returning.
func (l line) trap() bool {
	return l.logger == "wasm" && (l.level == 'E' || l.level == 'C') && strings.HasPrefix(l.text, "Function: ") && strings.Contains(l.text, " failed: ")
}
