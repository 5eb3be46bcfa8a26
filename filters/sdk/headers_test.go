package sdk

import (
	"reflect"
	"testing"
)

func TestHeaderList(t *testing.T) {
	h := NewHeaderList([2]string{"a", "1"}, [2]string{"b", "2"}, [2]string{"a", ""})
	if v, ok := h.Get("a"); v != "1," || !ok {
		t.Errorf("a is %q, %v", v, ok)
	}
	if v, ok := h.Get("c"); v != "" || ok {
		t.Errorf("absent c is %q, %v", v, ok)
	}
	h.Set("a", "3")
	h.Add("b", "4")
	h.Set("c", "5")
	want := [][2]string{{"a", "3"}, {"b", "2"}, {"b", "4"}, {"c", "5"}}
	if !reflect.DeepEqual(h.All(), want) {
		t.Errorf("headers are %v, want %v", h.All(), want)
	}
	h.Remove("b")
	if _, ok := h.Get("b"); ok || len(h.All()) != 2 {
		t.Errorf("b is still in %v", h.All())
	}
}

func TestPairsAreInOrder(t *testing.T) {
	want := [][2]string{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}
	for range 20 {
		have := Pairs(map[string]string{"c": "3", "a": "1", "d": "4", "b": "2"})
		if !reflect.DeepEqual(have, want) {
			t.Fatalf("pairs are %v", have)
		}
	}
}
