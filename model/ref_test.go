package model

import (
	"slices"
	"testing"
)

func TestRefPath(t *testing.T) {
	for ref, want := range map[string][]string{
		"input":                     nil,
		"input.a.b":                 {"a", "b"},
		`input.a["b-c"]`:            {"a", "b-c"},
		`input.a["b"].c["d\"]e"]`:   {"a", "b", "c", `d"]e`},
		"input.parsed_path[0]":      {"parsed_path"},
		"input.parsed_path[_].name": {"parsed_path"},
		"input.a[b]":                {"a"},
		`input.a["b`:                {"a"},
		"data.a":                    nil,
	} {
		if got := RefPath(ref); !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", ref, got, want)
		}
	}
}

func TestMasksAndDrops(t *testing.T) {
	yes, hidden := true, "(hidden)"
	log := DecisionLog{
		Mask: []DecisionMask{{Path: "/input/headers/authorization"}, {Path: "/input/headers/a~1b", Replace: &hidden}, {Path: "/input/headers/absent"}, {Path: "/result"}},
		Drop: []DecisionDrop{{Allowed: &yes, Path: &StringMatch{Kind: Prefix, Value: "/health"}}, {Policy: "a/b", Keep: 10}},
	}
	e := DecisionEvent{Input: map[string]any{"headers": map[string]any{"authorization": "s3cret", "a/b": "s3cret", "kept": "yes"}}, Result: true}
	masked := e.Clone()
	log.Apply(&masked)
	headers := masked.Input.(map[string]any)["headers"].(map[string]any)
	if len(headers) != 2 || headers["a/b"] != hidden || masked.Result != nil || !slices.Equal(masked.Erased, []string{"/input/headers/authorization", "/result"}) || !slices.Equal(masked.Masked, []string{"/input/headers/a~1b"}) {
		t.Errorf("masked: %+v", masked)
	}
	if e.Input.(map[string]any)["headers"].(map[string]any)["authorization"] != "s3cret" {
		t.Error("the event itself was changed")
	}
	of := func(policy, path string, allowed bool) *DecisionEvent {
		return &DecisionEvent{Custom: DecisionCustom{DecisionDetails{Decision: Decision{Policy: "RegoPolicy " + policy, Allowed: allowed}, URLPath: path}}}
	}
	for _, c := range []struct {
		event *DecisionEvent
		dice  float64
		want  bool
	}{
		{of("x/y", "/healthz", true), 50, true}, {of("x/y", "/healthz", false), 50, false}, {of("x/y", "/", true), 50, false},
		{of("a/b", "/", true), 9, false}, {of("a/b", "/", true), 10, true},
	} {
		if got := log.Drops(c.event, c.dice); got != c.want {
			t.Errorf("%+v at %v: dropped %v", c.event.Custom, c.dice, got)
		}
	}
}
