package module

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

// wasm is a module of a type section and a custom one.
const wasm = "\x00asm\x01\x00\x00\x00" + "\x01\x04\x01\x60\x00\x00" + "\x00\x05\x04name"

var described = Description{SDK: "1", Roots: []Root{
	{ID: "", Type: HTTP, Schema: json.RawMessage(`{"type":"object"}`)}, {ID: "net", Type: Network},
}}

func TestWhatIsWrittenIsRead(t *testing.T) {
	if d, err := Describe([]byte(wasm)); d != nil || err != nil {
		t.Errorf("described as %v, %v", d, err)
	}
	once, err := WithDescription([]byte(wasm), Description{Roots: []Root{{ID: "old", Type: HTTP}}})
	if err != nil {
		t.Fatal(err)
	}
	code, err := WithDescription(once, described)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Describe(code)
	if err != nil || !reflect.DeepEqual(*d, described) {
		t.Errorf("read %+v, %v", d, err)
	}
	if !bytes.HasPrefix(code, []byte(wasm)) {
		t.Error("the rest of the module is another")
	}
	if again, err := WithDescription(code, described); err != nil || !bytes.Equal(again, code) {
		t.Errorf("the second time it is another module, %v", err)
	}
	runtime := wazero.NewRuntime(context.Background())
	defer runtime.Close(context.Background())
	if _, err := runtime.CompileModule(context.Background(), code); err != nil {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	one := &Description{Roots: []Root{{ID: "", Type: HTTP}}}
	if one.Find("whatever") == nil || described.Find("net") == nil || described.Find("other") != nil || (*Description)(nil).Find("") != nil {
		t.Error("a root is not found, or one that is not there is")
	}
}

func custom(content string) string {
	code, _ := WithDescription([]byte(wasm), described)
	s := string(code)
	at := strings.LastIndex(s, "\x0d"+Section)
	body := s[at:at+1+len(Section)] + content
	return s[:len(wasm)] + "\x00" + string(uvarint(len(body))) + body
}

func uvarint(n int) []byte {
	var out []byte
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n))
}

func TestHostileBytesAreRefused(t *testing.T) {
	good := custom(`{"sdk":"1","roots":[]}`)
	for name, code := range map[string]string{
		"nothing":               "",
		"no module":             "#!/bin/sh\n",
		"version 2":             "\x00asm\x02\x00\x00\x00",
		"a component":           "\x00asm\x0d\x00\x01\x00",
		"longer than the file":  wasm + "\x00\xff\xff\xff\xff\x0f",
		"a length of 10 bytes":  wasm + "\x00\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00",
		"a length without end":  wasm + "\x00\xff",
		"a name beyond its end": wasm + "\x00\x02\x09k",
		"no JSON":               custom("{"),
		"another version":       custom(`{"sdk":"2"}`),
		"another type":          custom(`{"sdk":"1","roots":[{"id":"a","type":"TCP"}]}`),
		"too many roots":        custom(`{"sdk":"1","roots":[` + strings.Repeat(`{"type":"HTTP"},`, maxRoots) + `{"type":"HTTP"}]}`),
		"too large":             custom(`{"sdk":"1"` + strings.Repeat(" ", maxSection) + `}`),
		"twice":                 good + good[len(wasm):],
	} {
		if d, err := Describe([]byte(code)); err == nil {
			t.Errorf("%s: read %+v", name, d)
		}
	}
	if _, err := Describe([]byte(good)); err != nil {
		t.Error(err)
	}
}

// Whatever the bytes are, reading ends, and what can be read can be replaced.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte(wasm))
	f.Add([]byte(custom(`{"sdk":"1","roots":[{"id":"a","type":"HTTP","schema":{}}]}`)))
	f.Fuzz(func(t *testing.T, code []byte) {
		if _, err := Describe(code); err != nil {
			return
		}
		out, err := WithDescription(code, described)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := Describe(out); err != nil || !reflect.DeepEqual(*d, described) {
			t.Errorf("read %+v, %v", d, err)
		}
	})
}
