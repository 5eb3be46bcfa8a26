package headers

import (
	"reflect"
	"testing"

	"github.com/krater-mesh/krater/filters/headers/config"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

func TestChanges(t *testing.T) {
	f, err := New(sdktest.NewHost(), []byte(config.Config{
		Request:  config.Changes{Remove: []string{"gone", "back"}, Set: map[string]string{"one": "1", "back": "b"}, Add: map[string]string{"many": "3"}},
		Response: config.Changes{Set: map[string]string{"server": "krater"}},
	}.JSON()))
	if err != nil {
		t.Fatal(err)
	}
	s := sdktest.NewStream([2]string{"gone", "x"}, [2]string{"back", "x"}, [2]string{"one", "x"}, [2]string{"one", "y"}, [2]string{"many", "2"})
	f.OnRequest(s)
	want := [][2]string{{"one", "1"}, {"many", "2"}, {"back", "b"}, {"many", "3"}}
	if have := s.RequestHeaders.All(); !reflect.DeepEqual(have, want) {
		t.Errorf("request has %v, want %v", have, want)
	}
	f.OnResponse(s)
	if v, _ := s.ResponseHeaders.Get("server"); v != "krater" {
		t.Errorf("server is %q", v)
	}
}

func TestDecodeReadsWhatJSONWrites(t *testing.T) {
	want := config.Config{
		Request:  config.Changes{Remove: []string{"a"}, Set: map[string]string{"b": "c"}},
		Response: config.Changes{Add: map[string]string{"d": "é\""}},
	}
	have, err := config.ReadConfig([]byte(want.JSON()))
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("read %+v, %v", have, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		`{"request":{"del":[]}}`:       "request.del: unknown field",
		`{"response":{"set":{"x":1}}}`: "response.set.x: is a number, want a string",
		`{"request":{"remove":["X"]}}`: `request.remove[0]: is "X", want what matches ^[!#$%&'*+.^_|~0-9a-z\x60-]+$`,
	} {
		if _, err := New(sdktest.NewHost(), []byte(raw)); err == nil || err.Error() != want {
			t.Errorf("%s says %v, want %s", raw, err, want)
		}
	}
}
