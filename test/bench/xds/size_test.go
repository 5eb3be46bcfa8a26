package main

import (
	"slices"
	"testing"
)

func TestParseSizes(t *testing.T) {
	sizes, largest, err := parseSizes("250x50,1000x200,max")
	if err != nil || !largest || !slices.Equal(sizes, []size{{250, 50}, {1000, 200}}) {
		t.Errorf("%v, %v, %v", sizes, largest, err)
	}
	for _, bad := range []string{"", "250", "x50", "250x", "5x1", "250x0"} {
		if _, _, err := parseSizes(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
