package filters

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// ending is what Envoy 1.40 writes when its watchdog ends it.
const ending = `W wasm 9 wasm log Filter default/evil sha256:aa: looping now
E misc 7 Watchdog AbortAction terminating thread with tid 9.
C backtrace 9 Caught Aborted, suspect faulting address 0x5b87
C backtrace 9 Address mapping: 557000-558000 /opt/envoy
C backtrace 9 #0: [0x558100]
C backtrace 9 #1: [0x2500]
C backtrace 9 #2: [0x7fce]
ActiveStream 0x1136fdf87500, stream_id_: 16936369723162148571&filter_manager_: 
    ':authority', 'localhost:19080'
    'authorization', 'Bearer secret'
C backtrace 9 the end
`

func TestACrashLeadsToItsModule(t *testing.T) {
	var log bytes.Buffer
	var c crash
	o := &output{to: &log, line: func(l line) {
		c.stuck = c.stuck || l.stuck()
		if address, ok := l.frameOf(); ok {
			c.frames = append(c.frames, address)
		}
	}}
	for _, b := range []byte(ending) { // in whatever pieces it comes
		if _, err := o.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if !c.stuck || !slices.Equal(c.frames, []uint64{0x558100, 0x2500, 0x7fce}) {
		t.Fatalf("read %+v", c)
	}
	if strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "the end") {
		t.Errorf("the log says\n%s", &log)
	}
	files := []span{{0x557000, 0x559000}}
	all := map[string]bool{"aa": true, "bb": true, "cc": true}
	for _, w := range []struct {
		what    string
		regions []region
		loading []string
		stuck   bool
		want    []string
	}{
		{"its region is known", []region{{span{0x3000, 0x4000}, []string{"bb"}}, {span{0x2000, 0x3000}, []string{"aa"}}}, nil, true, []string{"aa"}},
		{"two were loaded at once", []region{{span{0x2000, 0x3000}, []string{"aa", "bb"}}}, nil, true, []string{"aa", "bb"}},
		{"nobody knows the region", nil, nil, true, []string{"aa", "bb", "cc"}},
		{"one was being loaded", nil, []string{"cc"}, true, []string{"cc"}},
		{"not stuck, and no filter's", nil, nil, false, nil},
		{"not stuck, in a filter", []region{{span{0x2000, 0x3000}, []string{"aa"}}}, nil, false, []string{"aa"}},
	} {
		crash := crash{stuck: w.stuck, frames: c.frames}
		if got := crash.suspects(w.regions, files, w.loading, all); !slices.Equal(got, w.want) {
			t.Errorf("%s: %v, want %v", w.what, got, w.want)
		}
	}
	own := crash{stuck: true, frames: []uint64{0x558100, 0x557001}}
	if got := own.suspects(nil, files, nil, all); got != nil {
		t.Errorf("Envoy was stuck in its own code, and %v are suspected", got)
	}
}

func TestATrapIsKnown(t *testing.T) {
	l, ok := readLine("E wasm 29364 Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable")
	if !ok || !l.trap() {
		t.Errorf("read %+v", l)
	}
	for _, other := range []string{"W wasm 1 wasm log Filter a/b: Function: x failed: y", "E main 1 Function: x failed: y", "E wasm Function: x failed: y"} {
		if l, ok := readLine(other); ok && l.trap() {
			t.Errorf("%s is taken for a trap", other)
		}
	}
}
