package model

import (
	"slices"
	"testing"
)

func TestVMIDSaysWhatTheVMMayTake(t *testing.T) {
	for _, c := range []struct {
		id     string
		want   string
		memory int64
	}{
		{VMID("sha256:ab", "", 0), "sha256:ab", DefaultFilterMemory},
		{VMID("sha256:ab", "", DefaultFilterMemory), "sha256:ab", DefaultFilterMemory},
		{VMID("builtin", "e1", 64<<20), "builtin/e1/memory=67108864", 64 << 20},
		{VMGeneration(VMID("sha256:ab", "", 1<<20), 3), "sha256:ab/memory=1048576/generation=3", 1 << 20},
		{VMGeneration("sha256:ab", 0), "sha256:ab", DefaultFilterMemory},
		{"x/memory=-5", "x/memory=-5", DefaultFilterMemory},
	} {
		if c.id != c.want || VMMemory(c.id) != c.memory {
			t.Errorf("%s may take %d, want %s and %d", c.id, VMMemory(c.id), c.want, c.memory)
		}
	}
}

func TestWasmNameNamesItsObjects(t *testing.T) {
	a, b := Ref{Kind: "Filter", Namespace: "shop", Name: "a"}, Ref{Kind: "WasmPlugin", Namespace: "shop", Name: "b"}
	name := WasmName(a, b)
	for _, instance := range []string{name, name + "#2"} {
		if got := WasmObjects(instance); !slices.Equal(got, []string{a.String(), b.String()}) {
			t.Errorf("%s names %q", instance, got)
		}
	}
}
