package generate

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files anew")

// Every folder of the repository whose package has a Config that is read by a
// generated decoder.
func generated(t *testing.T) []string {
	t.Helper()
	dirs := []string{"example"}
	for _, pattern := range []string{"../*/" + DecoderFile, "../*/config/" + DecoderFile, "../../samples/filters/*/" + DecoderFile} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			dirs = append(dirs, filepath.Dir(f))
		}
	}
	return dirs
}

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	for _, dir := range generated(t) {
		f, err := Package(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		if *update {
			if err := f.Write(); err != nil {
				t.Fatal(err)
			}
		}
		changed, err := f.Changed()
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range changed {
			t.Errorf("%s is not as it would be written: run krater filter generate %s", path, dir)
		}
	}
}

// What cannot be said in both the decoder and the schema is refused, with its
// place and what to do.
func TestRefuses(t *testing.T) {
	for source, want := range map[string]string{
		"type Other struct{}":                                                             "there is no type Config",
		"type Config []int":                                                               "config.go:5: Config is no struct",
		"type Config struct { A string }":                                                 "config.go:5: A has no json tag: `json:\"a\"`",
		"type Config struct { time.Time }":                                                "config.go:5: Config embeds a type: give its field a name",
		"type Config struct { A time.Time `json:\"a\"` }":                                 "config.go:5: time.Time cannot be part of a configuration: only time.Duration, sdk.Secret and sdk.Raw of other packages can",
		"type Config struct { A any `json:\"a\"` }":                                       "config.go:5: any is no type that a configuration can have",
		"type Config struct { A interface{} `json:\"a\"` }":                               "config.go:5: a type that cannot be part of a configuration",
		"type Config struct { A [2]int `json:\"a\"` }":                                    "config.go:5: an array: use a slice, with minItems and maxItems",
		"type Config struct { A []*int `json:\"a\"` }":                                    "config.go:5: a list or map of pointers: an item is always there",
		"type Config struct { A *[]int `json:\"a\"` }":                                    "config.go:5: a pointer to a pointer, list or map: nil says it already",
		"type Config struct { A map[int]int `json:\"a\"` }":                               "config.go:5: a map's names are strings",
		"type Config struct { A []Config `json:\"a\"` }":                                  "config.go:5: Config contains itself: a configuration has an end",
		"type Config struct { A, B int `json:\"a\"` }":                                    "config.go:5: Config has two fields named \"a\"",
		"type L []int\ntype Config struct { A L `json:\"a\"` }":                           "config.go:6: L: only structs and plain values have types of their own here",
		"type Config struct { A int `json:\"a\" filter:\"max=x\"` }":                      "config.go:5: filter tag max: \"x\" is no whole number of type int",
		"type Config struct { A uint32 `json:\"a\" filter:\"min=-1\"` }":                  "config.go:5: filter tag min: \"-1\" is no whole number of type uint32",
		"type Config struct { A int `json:\"a\" filter:\"min=2,max=1\"` }":                "config.go:5: filter tag min: nothing is at least 2 and at most 1",
		"type Config struct { A int `json:\"a\" filter:\"minLength=2\"` }":                "config.go:5: filter tag minLength: only strings have it; say more in Validate()",
		"type Config struct { A time.Duration `json:\"a\" filter:\"min=1s\"` }":           "config.go:5: filter tag min: only numbers have bounds; say more in Validate()",
		"type Config struct { A int `json:\"a\" filter:\"minItems=2\"` }":                 "config.go:5: filter tag minItems: only lists and maps have items",
		"type Config struct { A int `json:\"a\" filter:\"positive\"` }":                   "config.go:5: filter tag positive: there is no such rule",
		"type Config struct { A int `json:\"a\" filter:\"required,default=1\"` }":         "config.go:5: A is required and has a default",
		"type Config struct { A int `json:\"a\" filter:\"default=1,min=2\"` }":            "config.go:5: filter tag default: is 1, want at least 2",
		"type Config struct { A string `json:\"a\" filter:\"default=c,enum=a|b\"` }":      "config.go:5: filter tag default: is \"c\", want \"a\" or \"b\"",
		"type Config struct { A bool `json:\"a\" filter:\"default=false\"` }":             "config.go:5: filter tag default: the only one is true: false is what an absent field is",
		"type Config struct { A []int `json:\"a\" filter:\"default=1\"` }":                "config.go:5: filter tag default: only plain values have one",
		"type Config struct { A string `json:\"a\" filter:\"pattern=(\"` }":               "config.go:5: filter tag pattern: error parsing regexp: missing closing ): `(`",
		"type Config struct { A string `json:\"a\" filter:\"pattern=\\\\bx\"` }":          "config.go:5: filter tag pattern: only \"^\" and \"$\", of the whole text, stand between characters",
		"type Config struct { A string `json:\"a\" filter:\"pattern=(a|b)*a(a|b){9}\"` }": "config.go:5: filter tag pattern: its table has more than 256 states or 4096 edges: say it in Validate()",
		"//filter:required\ntype S string\ntype Config struct { A S `json:\"a\"` }":       "config.go:6: filter tag required: it is a field's, not a type's",
	} {
		dir := t.TempDir()
		text := "package x\n\nimport \"time\"\n\n" + source + "\n"
		if err := os.WriteFile(filepath.Join(dir, "config.go"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Package(dir)
		if err == nil {
			t.Errorf("%s\nis taken, want: %s", source, want)
			continue
		}
		if have := strings.TrimPrefix(err.Error(), "reading the Config of "+dir+": "); have != want {
			t.Errorf("%s\nsays %s\nwant %s", source, have, want)
		}
	}
}
