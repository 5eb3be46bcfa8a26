package fused

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/fused/config"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

// probe does what its test says, and writes what it is asked.
type probe struct {
	name      string
	trace     *[]string
	onRequest func(sdk.Stream) sdk.Verdict
	onAnswer  func(sdk.Stream) sdk.Verdict
	onBody    func(sdk.Stream, bool) sdk.Verdict
}

func (p *probe) say(what string) { *p.trace = append(*p.trace, p.name+" "+what) }

func (p *probe) OnRequest(s sdk.Stream) sdk.Verdict {
	p.say("request")
	if p.onRequest == nil {
		return sdk.Continue
	}
	return p.onRequest(s)
}

func (p *probe) OnRequestBody(s sdk.Stream, end bool) sdk.Verdict {
	if p.onBody == nil {
		return sdk.Continue
	}
	p.say("body " + string(s.RequestBody().Read(0, 99)))
	return p.onBody(s, end)
}

func (p *probe) OnResponse(s sdk.Stream) sdk.Verdict {
	p.say("response")
	if p.onAnswer == nil {
		return sdk.Continue
	}
	return p.onAnswer(s)
}

func (p *probe) OnDone(sdk.Stream) { p.say("done") }

// fuse makes one filter of several, and gives what they write.
func fuse(t *testing.T, probes ...*probe) (f *Filter, trace *[]string) {
	t.Helper()
	trace = &[]string{}
	var roots []sdk.Root
	c := config.Config{}
	for _, p := range probes {
		p.trace = trace
		roots = append(roots, sdk.Root{ID: p.name, New: func(sdk.Host, []byte) (sdk.Filter, error) { return p, nil }})
		c.Filters = append(c.Filters, config.Of(p.name, `{}`))
	}
	f, err := New(roots, sdktest.NewHost(), []byte(c.JSON()))
	if err != nil {
		t.Fatal(err)
	}
	return f, trace
}

func check(t *testing.T, trace *[]string, want string) {
	t.Helper()
	if have := strings.Join(*trace, ", "); have != want {
		t.Errorf("went %s\nwant %s", have, want)
	}
	*trace = nil
}

func TestRequestsGoForwardAndAnswersBack(t *testing.T) {
	keep := func(s sdk.Stream) sdk.Verdict { s.SetLocal("a's"); return sdk.Continue }
	seen := func(s sdk.Stream) sdk.Verdict {
		if s.Local() != "a's" {
			t.Errorf("a has %v", s.Local())
		}
		return sdk.Continue
	}
	other := func(s sdk.Stream) sdk.Verdict {
		if s.Local() != nil {
			t.Errorf("b has %v", s.Local())
		}
		return sdk.Continue
	}
	f, trace := fuse(t, &probe{name: "a", onRequest: keep, onAnswer: seen}, &probe{name: "b", onRequest: other, onAnswer: other})
	for range 3 {
		s := sdktest.NewStream()
		if v := f.OnRequest(s); v != sdk.Continue {
			t.Errorf("the request got %d", v)
		}
		if v := f.OnResponse(s); v != sdk.Continue {
			t.Errorf("the answer got %d", v)
		}
		f.OnDone(s)
		check(t, trace, "a request, b request, b response, a response, a done, b done")
	}
	if len(f.idle) != 1 {
		t.Errorf("%d runs are kept for use, want 1", len(f.idle))
	}
}

func TestAReplyEndsTheRequest(t *testing.T) {
	deny := func(s sdk.Stream) sdk.Verdict { return s.Reply(sdk.Reply{Status: 403}) }
	f, trace := fuse(t, &probe{name: "a"}, &probe{name: "b", onRequest: deny}, &probe{name: "c"})
	s := sdktest.NewStream()
	if v := f.OnRequest(s); v != sdk.Stop || s.Answer.Status != 403 {
		t.Errorf("the request got %d, %+v", v, s.Answer)
	}
	f.OnResponse(s) // all see the reply, as filters that stand alone do
	check(t, trace, "a request, b request, c response, b response, a response")
}

// ask pauses until a call is answered; another answer than 200 refuses.
func ask(t *testing.T) func(sdk.Stream) sdk.Verdict {
	return func(s sdk.Stream) sdk.Verdict {
		if err := s.HTTP(sdk.HTTPCall{Cluster: "c"}, func(a sdk.HTTPAnswer) {
			if a.Status != 200 {
				s.Reply(sdk.Reply{Status: a.Status})
				return
			}
			s.ResumeRequest()
			s.ResumeResponse()
			s.ResumeRequest() // twice is once
		}); err != nil {
			t.Error(err)
		}
		return sdk.Pause
	}
}

func TestAPauseHoldsOnlyWhatIsBehind(t *testing.T) {
	f, trace := fuse(t, &probe{name: "a"}, &probe{name: "b", onRequest: ask(t), onAnswer: ask(t)}, &probe{name: "c", onRequest: ask(t)}, &probe{name: "d"})
	h := sdktest.NewHost()
	status := 200
	h.AnswerHTTP = func(sdk.HTTPCall) sdk.HTTPAnswer { return sdk.HTTPAnswer{Status: status} }
	s := h.NewStream()
	if v := f.OnRequest(s); v != sdk.AwaitBody {
		t.Errorf("the request got %d", v)
	}
	check(t, trace, "a request, b request")
	if h.Deliver(); s.ResumedRequest != 1 {
		t.Errorf("the request went on %d times", s.ResumedRequest)
	}
	check(t, trace, "c request, d request")
	if v := f.OnResponse(s); v != sdk.Pause {
		t.Errorf("the answer got %d", v)
	}
	check(t, trace, "d response, c response, b response")
	if h.Deliver(); s.ResumedResponse != 1 || s.ResumedRequest != 1 {
		t.Errorf("the answer went on %d times, the request %d", s.ResumedResponse, s.ResumedRequest)
	}
	check(t, trace, "a response")

	status = 401
	s = h.NewStream()
	f.OnRequest(s)
	if h.Deliver(); s.Answer == nil || s.Answer.Status != 401 || s.ResumedRequest != 0 {
		t.Errorf("refused as %+v, went on %d times", s.Answer, s.ResumedRequest)
	}
}

func TestAResumeBeforeThePauseIsNone(t *testing.T) {
	at := func(s sdk.Stream) sdk.Verdict { s.ResumeRequest(); return sdk.Pause }
	f, _ := fuse(t, &probe{name: "a", onRequest: at}, &probe{name: "b", onRequest: at})
	s := sdktest.NewStream()
	if v := f.OnRequest(s); v != sdk.Continue || s.ResumedRequest != 0 {
		t.Errorf("the request got %d, went on %d times", v, s.ResumedRequest)
	}
}

func whole(s sdk.Stream, end bool) sdk.Verdict {
	if !end {
		return sdk.Pause
	}
	return sdk.Continue
}

func await(sdk.Stream) sdk.Verdict { return sdk.AwaitBody }

// A filter waits for the body before its headers go on; one in front of it
// asks another service meanwhile.
func TestABodyThatHeadersWaitFor(t *testing.T) {
	for _, late := range []bool{false, true} {
		f, trace := fuse(t, &probe{name: "a", onRequest: ask(t)}, &probe{name: "b", onRequest: await, onBody: whole}, &probe{name: "c"})
		h := sdktest.NewHost()
		h.AnswerHTTP = func(sdk.HTTPCall) sdk.HTTPAnswer { return sdk.HTTPAnswer{Status: 200} }
		s := h.NewStream()
		s.Ends = false
		f.OnRequest(s)
		check(t, trace, "a request")
		part := func(text string, end bool, want sdk.Verdict) {
			t.Helper()
			s.RequestData.Append([]byte(text))
			if v := f.OnRequestBody(s, end); v != want {
				t.Errorf("part %q got %d, want %d", text, v, want)
			}
		}
		part("1", false, sdk.Pause)
		check(t, trace, "")
		if late { // the call is answered behind the whole body
			part("2", true, sdk.Pause)
			h.Deliver()
			check(t, trace, "b request, b body 12, c request")
		} else {
			h.Deliver()
			check(t, trace, "b request, b body 1")
			part("2", true, sdk.Continue)
			check(t, trace, "b body 12, c request")
		}
		if want := map[bool]int{true: 1}[late]; s.ResumedRequest != want {
			t.Errorf("late %v: the request went on %d times, want %d", late, s.ResumedRequest, want)
		}
	}
}

func TestABodyThatOneFilterHolds(t *testing.T) {
	passes := func(sdk.Stream, bool) sdk.Verdict { return sdk.Continue }
	f, trace := fuse(t, &probe{name: "a", onBody: passes}, &probe{name: "b", onBody: whole}, &probe{name: "c", onBody: passes})
	s := sdktest.NewStream()
	f.OnRequest(s)
	*trace = nil
	s.RequestData.Append([]byte("1"))
	if v := f.OnRequestBody(s, false); v != sdk.Pause {
		t.Errorf("the first part got %d", v)
	}
	s.RequestData.Append([]byte("2"))
	if v := f.OnRequestBody(s, true); v != sdk.Continue {
		t.Errorf("the last part got %d", v)
	}
	check(t, trace, "a body 1, b body 1, b body 12, c body 12")
}

type ticking struct{ sdk.Base }

func (ticking) OnTick() {}

func TestRefusals(t *testing.T) {
	roots := []sdk.Root{{ID: "t", New: func(sdk.Host, []byte) (sdk.Filter, error) { return ticking{}, nil }}}
	for raw, want := range map[string]string{
		`{}`: "filters: is missing",
		`{"filters":[{"root":"x"},{"root":"t"}]}`: "filters[0].root: there is no filter \"x\" to run here\nfilters[1].root: the filter must stand alone",
	} {
		if _, err := New(roots, sdktest.NewHost(), []byte(raw)); err == nil || err.Error() != want {
			t.Errorf("%s says %v, want %s", raw, err, want)
		}
	}
}
