package model

import (
	"strings"
	"testing"
)

func TestMapSecretRefs(t *testing.T) {
	var paths []string
	out, err := MapSecretRefs(`{"b":[1.50,{"secretRef":{"name":"n","key":"k"}}],"a":{"x.y":{"secretRef":1}},"secretRef":{},"c":"<"}`, func(path string, ref any) any {
		paths = append(paths, path)
		return len(paths)
	})
	if want := `{"a":{"x.y":1},"b":[1.50,2],"c":"<","secretRef":{}}`; err != nil || out != want {
		t.Errorf("%s, %v; want %s", out, err, want)
	}
	if have := strings.Join(paths, " "); have != "a.x.y b[1]" {
		t.Errorf("at %s", have)
	}
	const plain = `{ "b" : 1,"a":"secretRef" }`
	if out, err := MapSecretRefs(plain, nil); err != nil || out != plain {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := MapSecretRefs(`{"secretRef"`, nil); err == nil {
		t.Error("half a document is read")
	}
}

func TestSecretRefOf(t *testing.T) {
	full := map[string]any{"name": "n", "key": "a/b", "namespace": "m"}
	if r, ok := SecretRefOf(full, "x"); !ok || r.String() != "m/n/a/b" {
		t.Errorf("%v, %v", r, ok)
	}
	for _, wrong := range []any{nil, "n", map[string]any{}, map[string]any{"name": "n"}, map[string]any{"name": "n", "key": 1},
		map[string]any{"name": "n", "key": "k", "more": "x"}, map[string]any{"name": "../n", "key": "k"}} {
		if r, ok := SecretRefOf(wrong, "x"); ok {
			t.Errorf("%v is read as %v", wrong, r)
		}
	}
}
