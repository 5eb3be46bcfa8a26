package decisioncache

import (
	"strings"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
)

// mark is what the authorization says of its decision.
type mark struct {
	allow bool
	ttl   time.Duration
}

// read takes "POLICYSET KEYID ALLOW|DENY MILLISECONDS". A decision of other
// policies, or one that read other inputs, is not ours to keep.
func (f *Filter) read(text string) (mark, bool) {
	rest, ok := strings.CutPrefix(text, f.prefix)
	word, millis, more := strings.Cut(rest, " ")
	if !ok || !more || word != "ALLOW" && word != "DENY" || millis == "" || len(millis) > 9 {
		return mark{}, false
	}
	n := 0
	for i := range len(millis) {
		if millis[i] < '0' || millis[i] > '9' {
			return mark{}, false
		}
		n = n*10 + int(millis[i]-'0')
	}
	return mark{word == "ALLOW", time.Duration(n) * time.Millisecond}, true
}

// denial is a refusal as its caller got it.
type denial struct {
	status  int
	headers [][2]string
	body    string
}

// beginDenial keeps a refusal's headers, and waits for its body if it has one.
func (f *Filter) beginDenial(s sdk.Stream, p *pending) {
	status, _ := s.Response().Get(":status")
	code := 0
	for i := range len(status) {
		code = code*10 + int(status[i]-'0')
	}
	if len(status) != 3 || code < 400 || code > 599 {
		return // a redirect to log in, for one: whose it is cannot be told
	}
	p.deny = &denial{status: code}
	for _, name := range f.c.DenyHeaders {
		if value, ok := s.Response().Get(name); ok {
			p.deny.headers = append(p.deny.headers, [2]string{name, value})
		}
	}
	if length, ok := s.Response().Get("content-length"); !ok || length == "0" {
		f.store(p)
		return
	}
	s.SetLocal(p)
}

// OnResponseBody implements sdk.ResponseBody: it gathers a refusal's body.
func (f *Filter) OnResponseBody(s sdk.Stream, end bool) sdk.Verdict {
	p, ok := s.Local().(*pending)
	if !ok || p.deny == nil {
		return sdk.Continue
	}
	size := s.ResponseBody().Len()
	if len(p.deny.body)+size > f.c.MaxBody {
		s.SetLocal(nil)
		return sdk.Continue
	}
	p.deny.body += string(s.ResponseBody().Read(0, size))
	if end {
		s.SetLocal(nil)
		f.store(p)
	}
	return sdk.Continue
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
