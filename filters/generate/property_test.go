package generate

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	mathrand "math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/krater-mesh/krater/filters/generate/example"
	sdksecret "github.com/krater-mesh/krater/filters/sdk/secret"
)

// The schema and the decoder say the same of every document: of those drawn
// after the schema itself, with something wrong in most of them.
func TestSchemaAcceptsWhatTheDecoderAccepts(t *testing.T) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	t.Setenv(sdksecret.KeyVariable, base64.StdEncoding.EncodeToString(key))
	text, err := os.ReadFile("example/" + SchemaFile)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("config.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	d := drawing{mathrand.New(mathrand.NewPCG(1, 2))}
	const documents = 20000
	good, refusals := 0, map[string]int{}
	for range documents {
		document := encode(t, d.draw(parsed.(map[string]any)))
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
		if err != nil {
			t.Fatalf("%s: %v", document, err)
		}
		bySchema := schema.Validate(value)
		_, byDecoder := example.ReadConfig([]byte(encode(t, sealed(t, key, value))))
		if (bySchema == nil) != (byDecoder == nil) {
			t.Fatalf("%s\nthe schema says %v\nthe decoder says %v", document, bySchema, byDecoder)
		}
		if byDecoder == nil {
			good++
			continue
		}
		for line := range strings.Lines(byDecoder.Error()) {
			field, _, _ := strings.Cut(line, ":")
			refusals[strings.TrimRight(field, "0123456789[]")]++
		}
	}
	if good < documents/20 || good > documents*19/20 {
		t.Errorf("%d of %d documents are good: the test says little", good, documents)
	}
	for name := range parsed.(map[string]any)["properties"].(map[string]any) {
		if !slices.Contains([]string{"rest"}, name) && refusals[name] == 0 { // Raw takes everything
			t.Errorf("%s was never refused", name)
		}
	}
}

// sealed is a document as the agent makes it: references are values.
func sealed(t *testing.T, key []byte, v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = sealed(t, key, v[i])
		}
		return out
	case map[string]any:
		ref, ok := v["secretRef"].(map[string]any)
		if name, _ := ref["name"].(string); ok && len(v) == 1 && len(ref) == 2 && name != "" {
			if key2, _ := ref["key"].(string); key2 == "" {
				return v
			}
			block, err := aes.NewCipher(key)
			if err != nil {
				t.Fatal(err)
			}
			aead, err := cipher.NewGCM(block)
			if err != nil {
				t.Fatal(err)
			}
			nonce := make([]byte, aead.NonceSize())
			return map[string]any{"sealed": base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte("hush"), nil))}
		}
		out := map[string]any{}
		for name, item := range v {
			out[name] = sealed(t, key, item)
		}
		return out
	}
	return v
}

func encode(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// drawing draws documents after a schema.
type drawing struct{ *mathrand.Rand }

// wrong is now and then.
func (d drawing) wrong() bool { return d.IntN(150) == 0 }

func pick[T any](d drawing, of ...T) T { return of[d.IntN(len(of))] }

func (d drawing) draw(schema map[string]any) any {
	if d.wrong() {
		return d.anything()
	}
	types, _ := schema["type"].([]any)
	if one, ok := schema["type"].(string); ok {
		types = []any{one}
	}
	if len(types) == 0 {
		return d.anything()
	}
	if values, ok := schema["enum"].([]any); ok && !d.wrong() {
		return pick(d, values...)
	}
	switch pick(d, types...) {
	case "string":
		return d.text(schema)
	case "boolean":
		return d.IntN(2) == 0
	case "integer", "number":
		return d.number(schema)
	case "array":
		list := []any{}
		for range d.IntN(3) + d.IntN(2)*d.IntN(2) {
			list = append(list, d.draw(schema["items"].(map[string]any)))
		}
		return list
	case "object":
		return d.object(schema)
	}
	return nil
}

func (d drawing) object(schema map[string]any) any {
	out := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for name, s := range properties {
		if slices.Contains(required, any(name)) && !d.wrong() || d.IntN(4) == 0 {
			out[name] = d.draw(s.(map[string]any))
		}
	}
	if items, ok := schema["additionalProperties"].(map[string]any); ok {
		for range d.IntN(3) {
			out[pick(d, "a", "x-b", "c.d", "A", "", "é")] = d.draw(items)
		}
	} else if d.wrong() {
		out[pick(d, "a", "", "nmae", "Name")] = d.anything()
	}
	return out
}

func (d drawing) text(schema map[string]any) string {
	if _, ok := schema["pattern"]; ok {
		return pick(d, "x-a", "x-b", "banana", "bananana banana", "", "/", "/a", "a/", "A", "1s", "1.5s", "999999h", "1000000h", "1.s", ".5s",
			"1.0005s", "250ms", "5", "s", "x\n", "\nx", "-1s", "1 s", "1d")
	}
	return pick(d, "a", "b", "ab", "", "éééééé", "ééééé", "FAST", "red", "name", "🙂🙂🙂🙂🙂", "x\u0000y")
}

func (d drawing) number(schema map[string]any) json.Number {
	n := []json.Number{"0", "-0", "1", "200", "300", "2e2", "2.0e2", "20000e-2", "599.0", "0.5", "0.25", "5e-1"}
	if d.IntN(10) == 0 {
		n = append(n, "-1", "0.50001", "1.5", "1e-1", "2147483648", "-2147483648", "9007199254740992", "4294967296", "1e400", "-1e400", "1e-400",
			"123456789012345678901234567890", "12345678901234567890e-18")
	}
	for _, bound := range []string{"minimum", "maximum"} {
		if b, ok := schema[bound].(json.Number); ok {
			n = append(n, b)
			if exact, err := b.Int64(); err == nil && d.IntN(10) == 0 {
				n = append(n, json.Number(encodeInt(exact+1)), json.Number(encodeInt(exact-1)))
			}
		}
	}
	return pick(d, n...)
}

func encodeInt(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

func (d drawing) anything() any {
	return pick[any](d, nil, true, json.Number("1"), json.Number("-2.5"), "text", "", []any{}, []any{nil}, map[string]any{}, map[string]any{"a": "b"},
		map[string]any{"secretRef": map[string]any{"name": "n", "key": ""}}, map[string]any{"secretRef": map[string]any{"name": "n", "key": "k"}, "x": true},
		map[string]any{"secretRef": nil})
}

// A pattern's table finds what package regexp finds.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{`^[a-z]+$`, `b(an){1,2}a|^$`, `(?i)k`, `^\d{2,4}-[^x]*?$`, `.`, `a$|^b`, `^$`, `^^a$$`, `[^\n]x`, `(?s).b`, `é+`, `a*`, `$^`, `x^`} {
		f.Add(s, "banana")
		f.Add(s, "")
		f.Add(s, "K\u212a-12-é\nx")
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		if len(source) > 60 || strings.ToValidUTF8(text, "") != text || strings.Contains(source, "{") && len(source) > 30 {
			return
		}
		p, err := compile(source)
		if err != nil {
			return
		}
		if want := regexp.MustCompile(source).MatchString(text); p.Match(text) != want {
			t.Errorf("%q and %q: the table says %v", source, text, !want)
		}
	})
}

func TestDefaultsAreSet(t *testing.T) {
	c, err := example.ReadConfig([]byte(`{"name":"n","off":false,"key":"k","must":[1, {}],"rules":[{"path":"/"}],"sets":{"a":{"b":1e2}},"rest":" a ","limit":0}`))
	if err != nil {
		t.Fatal(err)
	}
	zero := 0
	want := example.Config{Name: "n", Color: "red", On: true, Status: 403, Timeout: 1500000000, Key: "k", Must: "[1, {}]", Rest: `" a "`,
		Rules: []example.Rule{{Path: "/", Weight: 1}}, Sets: map[example.HeaderName]map[string]int{"a": {"b": 100}}, Limit: &zero}
	want.At.Er.Text = "x"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("read %+v\nwant %+v", c, want)
	}
}
