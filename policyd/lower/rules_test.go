package lower

import (
	"testing"

	"github.com/krater-mesh/krater/model"
)

const head = "import input.attributes.request.http\nx := http.headers[\"x-a\"]\ny := http.headers[\"x-b\"]\n"

// TestRules are whole policies: how rules, and not one body, come to a value.
func TestRules(t *testing.T) {
	for name, body := range map[string]string{
		"default true":       "default allow := true\nallow := false if x == \"a\"\n",
		"no default":         "allow if x == \"a\"\n",
		"two values":         "allow := true if x == \"a\"\nallow := false if y == \"a\"\n",
		"conflict":           "default allow := false\nallow := true if startswith(x, \"a\")\nallow := false if contains(x, \"b\")\n",
		"else":               "allow := true if { x == \"a\" } else := false if { x == \"b\" } else := true if { startswith(x, \"a\") }\n",
		"function":           "default allow := false\nf(v) := \"one\" if v == \"a\"\nf(v) := \"two\" if v == \"b\"\nallow if f(x) == \"two\"\n",
		"function else":      "default allow := false\nf(v) := 1 if { startswith(v, \"a\") } else := 2\nallow if f(x) == 2\n",
		"function patterns":  "default allow := false\nf(\"a\", _) := 1\nf(_, [z]) := 2 if z == \"k\"\nallow if f(x, [\"z\"]) == 1\n",
		"deny set":           "deny contains \"one\" if x == \"a\"\ndeny contains \"two\" if not x\ndefault allow := false\nallow if count(deny) == 0\n",
		"deny defined":       "deny contains \"one\" if x == \"a\"\ndefault allow := false\nallow if not deny\n",
		"deny member":        "deny contains msg if { x == \"a\"; msg := \"no\" }\ndefault allow := false\nallow if not deny[\"no\"]\n",
		"deny any":           "deny contains msg if { startswith(x, \"a\"); msg := sprintf(\"no %s\", [x]) }\ndefault allow := false\nallow if not any_deny\nany_deny if deny[_]\n",
		"counted":            "p contains 1 if x == \"a\"\np contains 2 if startswith(x, \"a\")\np contains 2 if y\ndefault allow := false\nallow if count(p) > 1\n",
		"partial object":     "p[k] := v if { some k, v in {\"a\": 1, \"b\": 2} }\ndefault allow := false\nallow if p[x] == 2\n",
		"named rules":        "p.q.a if y\np.q.b if not y\ndefault allow := false\nallow if p.q[x]\n",
		"object answer":      "default allow := {\"allowed\": false, \"http_status\": 401, \"body\": \"who?\", \"headers\": {\"x-why\": \"none\"}}\nallow := {\"allowed\": true} if x == \"a\"\n",
		"object without":     "allow := {\"allowed\": x == \"a\", \"why\": x}\n",
		"reasons":            "deny contains \"one\" if x == \"a\"\ndeny contains \"two\" if startswith(x, \"a\")\nallow := {\"allowed\": count(deny) == 0, \"body\": concat(\"; \", deny)}\n",
		"not an answer":      "allow := 7 if x\nallow := false if not x\n",
		"string answer":      "allow := x\n",
		"undefined in not":   "default allow := false\nallow if { not to_number(x) == 7; x }\n",
		"every":              "default allow := false\nallow if { every w in [\"a\", \"b\"] { not w == x } }\n",
		"set operations":     "p contains w if { some w in [\"a\", \"b\"]; startswith(x, w) }\ndefault allow := false\nallow if p - {\"b\"} == {\"a\"}\nallow if \"b\" in p\n",
		"comprehension":      "default allow := false\nallow if { {w | some w in [\"a\", \"b\"]; contains(x, w)} == {\"a\", \"b\"} }\n",
		"part unknown":       "default allow := false\nallow if x == \"a\"\nallow if crypto.sha256(x) == \"z\"\n",
		"unknown and false":  "default allow := false\nallow if { x == \"a\"; crypto.sha256(y) == \"z\" }\n",
		"body is not there":  "default allow := false\nallow if input.parsed_body == null\n",
		"no truncated body":  "default allow := false\nallow if { not input.truncated_body; x }\n",
		"document's version": "default allow := false\nallow if { input.version.ext_authz == \"v3\"; x == \"a\" }\n",
		"with":               "default allow := false\nq if input.z == 1\nallow if x == \"a\"\nallow if { x == \"b\"; q with input.z as 1 }\n",
		"one item twice":     "default allow := false\nallow if { some i in split(x, \",\"); i != \"a\"; startswith(i, \"b\") }\n",
		"items and not":      "default allow := false\nallow if { some i in split(x, \",\"); not i == \"a\" }\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []model.FailureMode{model.FailClosed, model.FailOpen} {
				p := policy(head+body, "")
				p.Failure = mode
				agree(t, p)
			}
		})
	}
}
