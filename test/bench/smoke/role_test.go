package main

import (
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/bench/process"
)

func TestConcerned(t *testing.T) {
	all := []process.Process{
		{Name: "up"}, {Name: "policyd"},
		{Name: "envoy default.open"}, {Name: "app default.open"},
		{Name: "envoy default.wasm"}, {Name: "app default.wasm"},
	}
	got := concerned(all, "default.wasm")
	want := []string{"up", "policyd", "envoy default.wasm", "app default.wasm"}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i].Name != want[i] {
			t.Errorf("got %v, want %v", got[i].Name, want[i])
		}
	}
	if len(concerned(all, "")) != len(all) {
		t.Error("without a workload everything counts")
	}
}

func TestRoles(t *testing.T) {
	for name, want := range map[string]string{
		"up": "rest", "controlplane": "rest", "policyd": "policyd", "collector": "collector",
		"envoy a.b": "envoy", "app a.b": "app",
	} {
		if got := role(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestPerRequestLeavesIdlingOut(t *testing.T) {
	spent := process.Usage{"envoy a.b": 3 * time.Second, "up": 10 * time.Millisecond}
	got := perRequest(spent, 10*time.Second, rates{"envoy a.b": 0.1, "up": 0.01}, 10000)
	if got["envoy a.b"] != 200 {
		t.Errorf("got %v µs, want 200", got["envoy a.b"])
	}
	if got["up"] != 0 {
		t.Errorf("a process that only idled cost %v µs", got["up"])
	}
}
