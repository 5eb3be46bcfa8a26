package attributes

import (
	"reflect"
	"testing"

	"github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

// draw gives the one attribute of a source, or "-" if absent.
func draw(t *testing.T, from config.From, headers ...[2]string) string {
	t.Helper()
	h := sdktest.NewHost()
	f, err := FromConfig(h, config.Config{Attributes: []config.Attribute{{Name: "a", From: from}}})
	if err != nil {
		t.Fatal(err)
	}
	s := h.NewStream(headers...)
	f.OnRequest(s)
	if v, ok := s.Written["a"]; ok {
		return v
	}
	return "-"
}

func TestHeader(t *testing.T) {
	from := config.From{Header: "end-user"}
	for want, headers := range map[string][][2]string{
		"-":           {{"other", "x"}, {"end-user", ""}},
		"jason":       {{"end-user", "jason"}},
		"jason,peter": {{"end-user", "jason"}, {"end-user", "peter"}},
		"a%20b":       {{"end-user", "a%20b"}},
	} {
		if have := draw(t, from, headers...); have != want {
			t.Errorf("%v gives %q, want %q", headers, have, want)
		}
	}
}

func TestCookie(t *testing.T) {
	from := config.From{Cookie: "sid"}
	for cookie, want := range map[string]string{
		"":                "-",
		"sid":             "-",
		"sid=":            "-",
		"sid=1":           "1",
		"a=b; sid=1":      "1",
		"a=b;sid=1;sid=2": "1",
		" sid=1 ; a=b":    "1",
		"xsid=1; sidx=2":  "-",
		"SID=1":           "-",
		`sid="1 2"`:       "1 2",
		`sid="`:           `"`,
		"sid=a=b":         "a=b",
		"sid=%41":         "%41",
		"a=b,sid=3":       "3",
		";;=;sid=1":       "1",
	} {
		if have := draw(t, from, [2]string{"cookie", cookie}); have != want {
			t.Errorf("%q gives %q, want %q", cookie, have, want)
		}
	}
	if have := draw(t, from, [2]string{"cookie", "a=1"}, [2]string{"cookie", "sid=2"}); have != "2" {
		t.Errorf("a second cookie header gives %q", have)
	}
}

func TestQuery(t *testing.T) {
	from := config.From{Query: "the q"}
	for path, want := range map[string]string{
		"/":                    "-",
		"/?":                   "-",
		"/?the+q":              "-",
		"/?the+q=":             "-",
		"/?the%20q=a":          "a",
		"/?x=1&the+q=a+b%26&y": "a b&",
		"/?the+q=1&the+q=2":    "1",
		"/?the+q=1#&the+q=2":   "1",
		"/#?the+q=1":           "-",
		"/?a=?the+q=1":         "-",
		"/?&&the+q=1":          "1",
		"/?the+q=a=b":          "a=b",
		"/?the+q=%e9":          "%e9", // not UTF-8
		"/?the+q=%C3%A9":       "é",
		"/?the+q=%0d%0ax:y":    "%0d%0ax:y", // no header injection
		"/?the+q=%00":          "%00",
		"/?the+q=%7f":          "%7f",
		"/?the+q=%4":           "%4",
		"/?the+q=%":            "%",
		"/?the+q=%zz+":         "%zz+",
		"/?The+q=1":            "-",
	} {
		if have := draw(t, from, [2]string{":path", path}); have != want {
			t.Errorf("%q gives %q, want %q", path, have, want)
		}
	}
}

func TestPath(t *testing.T) {
	from := config.From{Path: "/products/{}/**"}
	for path, want := range map[string]string{
		"/products/7":         "7",
		"/products/7?x=/a/b":  "7",
		"/products/7#x":       "7",
		"/products/a%20b+c/x": "a b+c",
		"/products/a%2Fb":     "a/b",
		"/products/?x=1":      "-",
		"/other/7":            "-",
	} {
		if have := draw(t, from, [2]string{":path", path}); have != want {
			t.Errorf("%q gives %q, want %q", path, have, want)
		}
	}
	if have := draw(t, from); have != "-" {
		t.Errorf("no :path gives %q", have)
	}
}

func TestWritesPropertiesAndHeaders(t *testing.T) {
	f, err := New(sdktest.NewHost(), []byte(`{"attributes":[
		{"name":"user","from":{"header":"end-user"},"toHeader":"x-user"},
		{"name":"again","from":{"header":"x-user"}},
		{"name":"lang","from":{"query":"lang"},"toHeader":"x-lang"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	first := sdktest.NewStream([2]string{":path", "/?lang="}, [2]string{"end-user", "jason"}, [2]string{"x-user", "forged"})
	second := sdktest.NewStream([2]string{":path", "/"}, [2]string{"x-user", "forged"}, [2]string{"x-lang", "forged"})
	for _, s := range []*sdktest.Stream{first, second} {
		if f.OnRequest(s) != sdk.Continue {
			t.Error("the request was stopped")
		}
	}
	if want := map[string]string{"user": "jason", "again": "forged"}; !reflect.DeepEqual(first.Written, want) {
		t.Errorf("wrote %v, want %v", first.Written, want)
	}
	if v, _ := first.RequestHeaders.Get("x-user"); v != "jason" {
		t.Errorf("x-user is %q", v)
	}
	if v, ok := first.RequestHeaders.Get("x-lang"); ok {
		t.Errorf("an empty value gives the header x-lang: %q", v)
	}
	if want := map[string]string{"again": "forged"}; !reflect.DeepEqual(second.Written, want) {
		t.Errorf("the second request wrote %v, want %v", second.Written, want)
	}
	if len(second.RequestHeaders.All()) != 1 {
		t.Errorf("forged headers stayed: %v", second.RequestHeaders.All())
	}
}

func TestNewRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		`{"attributes":[{"name":"a","form":{}}]}`:              "attributes[0].form: unknown field",
		`{"attributes":[{"name":"a","from":{"path":"x"}}]}`:    `attributes[0].from.path: "x" must start with "/"`,
		`{"attributes":[{"name":"a","from":{"headers":"x"}}]}`: "attributes[0].from.headers: unknown field",
	} {
		if f, err := New(sdktest.NewHost(), []byte(raw)); err == nil || err.Error() != want || f != nil {
			t.Errorf("%s says %v, want %s", raw, err, want)
		}
	}
}

func TestDecodeReadsWhatJSONWrites(t *testing.T) {
	want := config.Config{Attributes: []config.Attribute{
		{Name: "a", From: config.From{Header: "h"}, ToHeader: "t"},
		{Name: "b", From: config.From{Cookie: "c"}},
		{Name: "c", From: config.From{Query: "é<\"\\\u2028\x01"}},
		{Name: "d", From: config.From{Path: "/{}"}},
	}}
	have, err := config.ReadConfig([]byte(want.JSON()))
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("read %+v, %v", have, err)
	}
}

// FuzzUnescape: a value is always fit for a header and a log, or what the
// client itself sent.
func FuzzUnescape(f *testing.F) {
	f.Add("a%20b+c")
	f.Add("%0d%0a")
	f.Add("%e9%")
	f.Fuzz(func(t *testing.T, text string) {
		have := unescape(text, true)
		if have == text {
			return
		}
		for _, b := range []byte(have) {
			if b < ' ' || b == 0x7f {
				t.Fatalf("%q gives %q", text, have)
			}
		}
		if len(have) > len(text) {
			t.Fatalf("%q gives the longer %q", text, have)
		}
	})
}
