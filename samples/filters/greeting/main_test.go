package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/filtertest"
	"github.com/krater-mesh/krater/test/harness"
)

func load(t *testing.T) *filtertest.Module {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join(harness.Root(), ".build", "greeting.wasm"))
	if err != nil {
		t.Fatalf("%v; run `make filters`", err)
	}
	m, err := filtertest.Load(context.Background(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func TestGreeting(t *testing.T) {
	m := load(t)
	p, err := m.Configure("", `{"text":"good morning"}`)
	if err != nil {
		t.Fatal(err)
	}
	for want, headers := range map[string][][2]string{
		"good morning, jason":    {{"end-user", "jason"}},
		"good morning, stranger": nil,
	} {
		res, err := p.Request(filtertest.Request{Headers: headers})
		if err != nil {
			t.Fatal(err)
		}
		if have, _ := res.Response.Get("x-greeting"); have != want {
			t.Errorf("greeted %q, want %q", have, want)
		}
	}
	for config, want := range map[string]string{
		`{"text":""}`: "text: must not be empty",
		`{"txet":""}`: "txet: unknown field",
	} {
		if _, err := m.Configure("", config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s says %v, want %s", config, err, want)
		}
	}
}
