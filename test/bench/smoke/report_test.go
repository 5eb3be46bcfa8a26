package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/test/bench/load"
)

func samples(envoy ...float64) []sample {
	var out []sample
	for _, e := range envoy {
		out = append(out, sample{map[string]float64{"envoy a.b": e, "app a.b": 10, "policyd": 5}, load.Result{Requests: 1, PerSecond: e, P50: 1, P99: 2}})
	}
	return out
}

func measured() *report {
	return &report{
		groups: []group{
			{name: "full", idle: rates{"up": 0.02}, rows: []row{newRow("none", samples(85, 90, 80)), newRow("native", samples(185))}},
			{name: "bookinfo", rows: []row{newRow("page", samples(425))}, processes: true},
		},
		edits: []timing{{"route", "a route", []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 100}}},
		start: 7, restarts: []float64{2, 3, 9},
	}
}

func TestFigures(t *testing.T) {
	got := map[string]float64{}
	for _, f := range measured().figures() {
		if _, twice := got[f.Name]; twice {
			t.Errorf("%s comes twice", f.Name)
		}
		if strings.Contains(f.Name, " ") {
			t.Errorf("%q has a blank", f.Name)
		}
		got[f.Name] = f.Value
		if hasGoal := f.Goal != nil; hasGoal != (f.Name == "bookinfo.start" || f.Name == "bookinfo.restart.median") {
			t.Errorf("%s has a goal: %v", f.Name, hasGoal)
		}
	}
	for name, want := range map[string]float64{
		"full.none.cpu.total": 100, "full.none.cpu.spread": 5, "full.none.cpu.envoy": 85, "full.none.throughput": 85,
		"full.native.ratio.total": 2, "full.native.ratio.envoy": 2.176,
		"bookinfo.page.ratio.envoy": 5, "bookinfo.page.process.envoy.a.b": 425,
		"full.idle": 2, "edit.route.median": 5.5, "edit.route.p90": 9, "bookinfo.start": 7, "bookinfo.restart.median": 3,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v (there: %v), want %v", name, v, ok, want)
		}
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := measured().table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"÷ none", "2.00", "5.00", "envoy a.b", "synced 7.0 s", "median    6  p90    9  of 10"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}
