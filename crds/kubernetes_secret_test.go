package crds_test

import (
	"os"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/crds"
)

// TestSecretsStaySecret: no message about a Secret shows a word of its values.
func TestSecretsStaySecret(t *testing.T) {
	bad, err := os.ReadFile("testdata/secret.bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{
		"values":  string(bad),
		"anchor":  "kind: Secret\napiVersion: v1\nmetadata: {name: x}\nstringData: {password: *hunter2}\n",
		"number":  "kind: \"Secret\"\napiVersion: v1\nmetadata: {name: x}\nstringData: {password: 1e99999999}\n",
		"json":    `{"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x"}, "data": ["hunter2"]}`,
		"scalars": "kind: Secret\napiVersion: v1\nmetadata: {name: x}\ndata: hunter2\nstringData: {a: [hunter2], b: 1234567}\nimmutable: hunter2\n",
	}
	for name, text := range texts {
		objects, _, problems := crds.Parse("x.yaml", []byte(text))
		for _, o := range objects {
			_, ps := crds.Convert(o, crds.Options{})
			problems = append(problems, ps...)
		}
		if len(problems) == 0 && name != "number" { // which is a text, if a strange one
			t.Errorf("%s: no problem", name)
		}
		for _, p := range problems {
			for _, word := range []string{"hunter2", "1234567", "1e99999999", "aGk", "MHc", "not, base64"} {
				if strings.Contains(p.String(), word) {
					t.Errorf("%s: %q shows %q", name, p, word)
				}
			}
		}
	}
}
