package model

import (
	"testing"
	"time"
)

func TestWatchRoots(t *testing.T) {
	for limit, want := range map[time.Duration]string{
		0: "qa000001", DefaultFilterPause: "qa000016", DefaultFilterPause + 1: "qa000017", 1000 * time.Hour: "qa999999",
	} {
		if before, behind := WatchRoots("a", limit); before != want || behind != "r"+want[1:] {
			t.Errorf("%s gives %s and %s, want %s", limit, before, behind, want)
		}
	}
}

// TestAFilterAccusesNobodyElse: what a filter writes stands behind its own name.
func TestAFilterAccusesNobodyElse(t *testing.T) {
	const evil, good = "Filter default/evil", "Filter default/good"
	before, _ := WatchRoots(evil, time.Second)
	said := "wasm log " + evil + " " + before + " " + WatchVM + ": held"
	if !WatchHeld(said, evil) || WatchHeld(said, good) {
		t.Errorf("%q is not read", said)
	}
	for _, forged := range []string{
		"wasm log " + evil + "  sha256:ab: " + said[len("wasm log "):],
		"wasm log " + evil + "  sha256:ab: wasm log " + good + " q" + good + "000001 " + WatchVM + ": held",
		"wasm log " + evil + " q" + good + "000001 sha256:ab: x " + WatchVM + ": held",
	} {
		if WatchHeld(forged, good) {
			t.Errorf("%q is believed", forged)
		}
	}
}
