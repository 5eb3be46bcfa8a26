package schema

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/generate/example"
)

func compiled(t *testing.T, text string) *Schema {
	t.Helper()
	s, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func texts(list []Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, f.String())
	}
	return strings.Join(out, "\n")
}

// What the schema says is what the generated decoder says.
func TestFindingsAreTheDecodersWords(t *testing.T) {
	text, err := os.ReadFile("../generate/example/config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	s := compiled(t, string(text))
	const good = `"name":"n","off":true,"must":1,"key":{"secretRef":{"name":"a","key":"b"}}`
	if have := s.Check("{" + good + "}"); len(have) != 0 {
		t.Error(texts(have))
	}
	for wrong, want := range map[string]string{
		`"status":600`:                        "status: is 600, want at most 599",
		`"status":"x"`:                        "status: is a string, want a whole number",
		`"ratio":-1`:                          "ratio: is -1, want at least 0",
		`"rules":[{"path":"/"},{"path":"x"}]`: `rules[1].path: is "x", want what matches ^/`,
		`"rules":[{"paht":"/"}]`:              "rules[0].paht: unknown field\nrules[0].path: is missing",
		`"rules":[]`:                          "rules: has 0 items, want at least 1",
		`"mode":"fast"`:                       `mode: is "fast", want "FAST" or "SLOW"`,
		`"names":["A"]`:                       "names[0]: is \"A\", want what matches ^[!#$%&'*+.^_`|~0-9a-z-]+$",
		`"sets":{"A":{}}`:                     "sets.A: its name is \"A\", want what matches ^[!#$%&'*+.^_`|~0-9a-z-]+$",
		`"labels":{"0":""}`:                   "labels.0: has 0 characters, want at least 1",
		`"nmae":1`:                            "nmae: unknown field",
		`"on":1`:                              "on: is a number, want a boolean",
		`"deep":{"er":{"text":[]}}`:           "deep.er.text: is a list, want a string",
		`"token":1`:                           "token: is a number, want a string or an object",
		`"token":{"secretRef":{"name":"a"}}`:  "token.secretRef.key: is missing",
		`"token":{"value":"a"}`:               "token.secretRef: is missing\ntoken.value: unknown field",
	} {
		config := "{" + good + "," + wrong + "}"
		if have := texts(s.Check(config)); have != want {
			t.Errorf("%s\nsays %s\nwant %s", wrong, have, want)
		}
		if strings.Contains(wrong, "status\":\"x") || strings.Contains(want, "secretRef") || strings.Contains(wrong, "token") || strings.Contains(wrong, "rules\":[{\"paht") {
			continue // the decoder knows less, or other words
		}
		config = strings.Replace(config, `{"secretRef":{"name":"a","key":"b"}}`, `"x"`, 1)
		if _, err := example.ReadConfig([]byte(config)); err == nil || err.Error() != want {
			t.Errorf("%s\nthe decoder says %v\nwant %s", wrong, err, want)
		}
	}
	for config, want := range map[string]string{
		`[]`: "the configuration is a list, want an object",
		``:   "key: is missing\nmust: is missing\nname: is missing\noff: is missing",
		`{`:  "the configuration is not JSON",
	} {
		if have := texts(s.Check(config)); have != want {
			t.Errorf("%s\nsays %s\nwant %s", config, have, want)
		}
	}
}

func TestPlainSecretsAreWarnedOf(t *testing.T) {
	s := compiled(t, `{"properties":{"a":{"items":{"additionalProperties":{"writeOnly":true}}},"b":{"writeOnly":true}}}`)
	have := s.Check(`{"a":[{},{"x":"hush"}],"b":{"secretRef":{}}}`)
	if len(have) != 1 || !have[0].Warning || have[0].Field != "a[1].x" || strings.Contains(have[0].Text, "hush") {
		t.Errorf("%+v", have)
	}
}

// What is wanted may be nothing, or nothing but null.
func TestWhatAllowsNothingHasWordsToo(t *testing.T) {
	for schema, want := range map[string]string{
		`{"enum":[null]}`:   "a: is 1, want null",
		`{"enum":[null,2]}`: "a: is 1, want 2",
		`{"enum":[]}`:       "a: is not allowed here",
		`{"type":"null"}`:   "a: is a number, want null",
	} {
		if have := texts(compiled(t, `{"properties":{"a":`+schema+`}}`).Check(`{"a":1}`)); have != want {
			t.Errorf("%s\nsays %s\nwant %s", schema, have, want)
		}
	}
}

func TestNumbersThatCostMuchAreRefused(t *testing.T) {
	s := compiled(t, `{"properties":{"a":{"minimum":1}}}`)
	for config, want := range map[string]string{
		`{"a":1e9999999,"b":[{},-1E-10000]}`:       "a: is a number of too many digits\nb[1]: is a number of too many digits",
		`{"a":1` + strings.Repeat("0", 1000) + `}`: "a: is a number of too many digits",
		`{"a":1e+00400}`:                           "",
	} {
		if have := texts(s.Check(config)); have != want {
			t.Errorf("%.60s\nsays %s\nwant %s", config, have, want)
		}
	}
}

// A stranger's schema reads nothing, and is refused before it costs anything.
func TestHostileSchemasAreRefused(t *testing.T) {
	doubling := `{"$defs":{"a0":{"type":"string"}`
	for i := 1; i < 60; i++ {
		doubling += fmt.Sprintf(`,"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]}`, i, i-1, i-1)
	}
	doubling += `},"$ref":"#/$defs/a59"}`
	for text, want := range map[string]string{
		``:                                      "not JSON",
		`{"type":"strnig"}`:                     "the schema is none",
		`{"pattern":"("}`:                       "the schema is none",
		`{"$ref":"file:///etc/passwd"}`:         "not part of it",
		`{"$ref":"https://example.com/s.json"}`: "not part of it",
		`{"$schema":"https://example.com/draft"}`:                                      "not part of it",
		`{"$id":"https://example.com/","$ref":"x"}`:                                    "write",
		`{"$ref":"#/$defs/a"}`:                                                         "not there",
		`{"$defs":{"a":{"properties":{"b":{"$ref":"#/$defs/a"}}}},"$ref":"#/$defs/a"}`: "contains itself",
		`{"$ref":"#"}`:             "not part of it",
		`{"multipleOf":1e9999999}`: "too many digits",
		doubling:                   "more than",
		strings.Repeat(`{"not":`, 100) + "{}" + strings.Repeat("}", 100): "more than",
	} {
		began := time.Now()
		if _, err := Compile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s\nsays %v\nwant %s", text, err, want)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%.60s took %s", text, took)
		}
	}
}

// Whatever schema and configuration are, there is an answer.
func FuzzCheck(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"enum":["x"]}}}`, `{"a":"y"}`)
	f.Add(`{"$defs":{"a":{"minimum":1}},"items":{"$ref":"#/$defs/a"},"uniqueItems":true}`, `[0,1e400]`)
	f.Add(`{"anyOf":[{"not":{}},{"const":1}],"propertyNames":{"maxLength":1}}`, `{"ab":null}`)
	f.Add(`{"properties":{"a":{"enum":[null]},"b":{"enum":[]},"c":{"type":"null"}}}`, `{"a":1,"b":1,"c":1}`)
	f.Add(`{"properties":{"a":{"minimum":1e9999999}},"multipleOf":1e99999}`, `{"a":1e9999999}`)
	f.Fuzz(func(t *testing.T, text, config string) {
		s, err := Compile(text)
		if err != nil {
			return
		}
		for _, finding := range s.Check(config) {
			if finding.Text == "" {
				t.Errorf("nothing is said of %q", finding.Field)
			}
		}
	})
}
