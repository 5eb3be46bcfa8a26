package sdk

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// FuzzParse compares the scanner with encoding/json: what one reads the other
// reads too, with the same content, except where the scanner is stricter.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `{"a":[1,-0.5e+3,true,null,"x\n\u00e9\ud83d\ude00"]}`, `{"a":1,"a":2}`, "\"\xff\"", `"\ud800"`,
		`01`, `1.`, `-`, `1e`, `{"a"}`, `{"a":}`, `[1,]`, `{,}`, `"`, `"\`, `"\u12`, `"\x"`, ` 1 2`, `tru`, "\"\x01\"",
		strings.Repeat("[", maxDepth+2), strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := parse(raw)
		if err != nil {
			if json.Valid(raw) && !stricter(err) {
				t.Fatalf("%q is JSON, but: %v", raw, err)
			}
			return
		}
		decoder := json.NewDecoder(strings.NewReader(string(raw)))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("%q is no JSON (%v), but was read", raw, err)
		}
		if have := plain(v); !reflect.DeepEqual(have, want) {
			t.Fatalf("%q: read %#v, want %#v", raw, have, want)
		}
	})
}

// stricter tells whether encoding/json would have let this pass.
func stricter(err error) bool {
	for _, text := range []string{"UTF-8", "given twice", "unicode escape", "too deep"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

func plain(v value) any {
	switch v.kind {
	case kindBool:
		return v.text == "true"
	case kindNumber:
		return json.Number(v.text)
	case kindString:
		return v.text
	case kindList:
		list := []any{}
		for _, item := range v.items {
			list = append(list, plain(item))
		}
		return list
	case kindObject:
		object := map[string]any{}
		for _, f := range v.fields {
			object[f.name] = plain(f.value)
		}
		return object
	}
	return nil
}
