package sdk

import (
	"reflect"
	"strings"
	"testing"
)

type decoded struct {
	Text  string
	Yes   bool
	Count int
	Names []string
	Map   map[string]string
	Inner struct{ Deep string }
	List  []string
}

func decodeAll(raw string) (decoded, error) {
	var c decoded
	err := Decode([]byte(raw), func(d *Decoder) {
		d.String("text", &c.Text)
		d.Bool("yes", &c.Yes)
		d.Int("count", &c.Count)
		d.Strings("names", &c.Names)
		d.StringMap("map", &c.Map)
		d.Object("inner", func(d *Decoder) { d.String("deep", &c.Inner.Deep) })
		d.Objects("list", func(d *Decoder) {
			var name string
			d.String("name", &name)
			c.List = append(c.List, name)
		})
	})
	return c, err
}

func TestDecodeReadsEveryKind(t *testing.T) {
	have, err := decodeAll(`{"text":"t","yes":true,"count":-7,"names":["a","b"],"map":{"k":"v"},` +
		`"inner":{"deep":"d"},"list":[{"name":"x"},{}]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := decoded{"t", true, -7, []string{"a", "b"}, map[string]string{"k": "v"}, struct{ Deep string }{"d"}, []string{"x", ""}}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("read %+v, want %+v", have, want)
	}
}

func TestDecodeLeavesAbsentFieldsAlone(t *testing.T) {
	for _, raw := range []string{"", "{}", `{"text":null,"list":null,"inner":null}`} {
		have, err := decodeAll(raw)
		if err != nil || !reflect.DeepEqual(have, decoded{}) {
			t.Errorf("%q: read %+v, %v", raw, have, err)
		}
	}
}

func TestDecodeNamesTheField(t *testing.T) {
	for raw, want := range map[string]string{
		`{"test":1}`:                      "test: unknown field",
		`{"inner":{"depp":1}}`:            "inner.depp: unknown field",
		`{"list":[{},{"name":"","x":1}]}`: "list[1].x: unknown field",
		`{"list":[{"name":5}]}`:           "list[0].name: is a number, want a string",
		`{"list":{}}`:                     "list: is an object, want a list",
		`{"list":[1]}`:                    "list[0]: is a number, want an object",
		`{"names":["a",null]}`:            "names[1]: is null, want a string",
		`{"map":{"k":true}}`:              "map.k: is a boolean, want a string",
		`{"count":1.5}`:                   "count: is 1.5, want a whole number below 2^31",
		`{"count":2147483648}`:            "count: is 2147483648, want a whole number below 2^31",
		`{"count":99999999999999999999}`:  "count: is 99999999999999999999, want a whole number below 2^31",
		`{"count":18446744073709551617}`:  "count: is 18446744073709551617, want a whole number below 2^31",
		`{"count":1e2}`:                   "count: is 1e2, want a whole number below 2^31",
		`{"test":1,"yes":2}`:              "yes: is a number, want a boolean\ntest: unknown field",
		`[]`:                              "the configuration is a list, want an object",
		`{"text":}`:                       "the configuration is not JSON: at byte 8: a value is missing",
		`{"text":"a","text":"b"}`:         `the configuration is not JSON: at byte 22: field "text" is given twice`,
	} {
		if _, err := decodeAll(raw); err == nil || err.Error() != want {
			t.Errorf("%s\nsays %v\nwant %s", raw, err, strings.ReplaceAll(want, "\n", " / "))
		}
	}
}

func TestDecodeIntBounds(t *testing.T) {
	for raw, want := range map[string]int{"0": 0, "2147483647": 2147483647, "-2147483647": -2147483647} {
		if c, err := decodeAll(`{"count":` + raw + `}`); err != nil || c.Count != want {
			t.Errorf("%s: read %d, %v", raw, c.Count, err)
		}
	}
}
