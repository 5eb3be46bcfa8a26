package filters

import (
	"maps"
	"slices"
)

// region is compiled code that appeared in Envoy when modules were loaded.
type region struct {
	span
	of []string // digests: of one of these
}

// crash is what Envoy wrote when it ended.
type crash struct {
	stuck  bool // its watchdog ended it
	frames []uint64
}

// deepest is how many frames are looked at: a call from a filter back into
// Envoy is not deep.
const deepest = 16

// suspects are the modules whose code the thread ran that Envoy crashed in, by
// where that code lies. None: no filter had a part in it. Where the innermost
// code of a filter is of a region that nobody knows, it is of one of those that
// were being loaded, or else of any.
func (c crash) suspects(regions []region, files []span, loading []string, loaded map[string]bool) []string {
	for _, address := range c.frames[:min(len(c.frames), deepest)] {
		for _, r := range regions {
			if r.has(address) {
				return r.of
			}
		}
	}
	if len(files) == 0 || !c.stuck { // without a filter's frame only a stuck thread says something
		return nil
	}
	for _, address := range c.frames[:min(len(c.frames), deepest)] {
		if anyHas(files, address) {
			continue
		}
		if len(loading) > 0 {
			return loading
		}
		return slices.Sorted(maps.Keys(loaded))
	}
	return nil
}
