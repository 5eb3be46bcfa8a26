package decisioncache

import (
	"strconv"
	"strings"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
)

// mark is what the authorization says of its decision.
type mark struct {
	allow bool
	ttl   time.Duration
	body  string // of a refusal
}

// read takes "POLICYSET KEYID ALLOW|DENY MILLISECONDS", and behind one more
// space a refusal's body: to gather it from the answer, every part of every
// body would have to come into the module. A decision of other policies, or
// one that read other inputs, is not ours to keep.
func (f *Filter) read(text string) (mark, bool) {
	rest, ok := strings.CutPrefix(text, f.prefix)
	word, rest, more := strings.Cut(rest, " ")
	millis, body, hasBody := strings.Cut(rest, " ")
	if !ok || !more || word != "ALLOW" && word != "DENY" || word == "ALLOW" && hasBody || millis == "" || len(millis) > 9 {
		return mark{}, false
	}
	n := 0
	for i := range len(millis) {
		if millis[i] < '0' || millis[i] > '9' {
			return mark{}, false
		}
		n = n*10 + int(millis[i]-'0')
	}
	return mark{word == "ALLOW", time.Duration(n) * time.Millisecond, body}, true
}

// denial is a refusal as its caller got it.
type denial struct {
	status  int
	headers [][2]string
	body    string
}

// denialOf gives a refusal as its caller gets it; nil: it is not one to keep.
// A body that is not the one of the mark is not known.
func (f *Filter) denialOf(answer sdk.Headers, body string) *denial {
	status, _ := answer.Get(":status")
	code := 0
	for i := range len(status) {
		code = code*10 + int(status[i]-'0')
	}
	if len(status) != 3 || code < 400 || code > 599 {
		return nil // a redirect to log in, for one: whose it is cannot be told
	}
	length, ok := answer.Get("content-length")
	if len(body) > f.c.MaxBody || length != strconv.Itoa(len(body)) && (ok || body != "") {
		return nil
	}
	d := &denial{status: code, body: body}
	for _, name := range f.c.DenyHeaders {
		if value, ok := answer.Get(name); ok {
			d.headers = append(d.headers, [2]string{name, value})
		}
	}
	return d
}

// size is about what a refusal takes.
func (d *denial) size() int {
	if d == nil {
		return 0
	}
	n := len(d.body)
	for _, h := range d.headers {
		n += len(h[0]) + len(h[1])
	}
	return n
}
