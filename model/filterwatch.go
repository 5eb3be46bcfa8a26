package model

import (
	"fmt"
	"strings"
	"time"
)

// DefaultFilterPause is for how long a filter may hold a request where nothing
// else is said.
const DefaultFilterPause = 4 * time.Second

// WatchVM is the VM of the watch over filters (filters/watch). No module of
// somebody else's has a VM of this name: those begin with a digest.
const WatchVM = "krater.watch"

// watchLook is the time from one look of the watch to the next.
const watchLook = 250 * time.Millisecond

// WatchRoots are the root ids of the watch before and behind a Wasm filter of a
// name: where requests come in, and where answers do.
func WatchRoots(name string, limit time.Duration) (before, behind string) {
	looks := min(max(1, int64((limit+watchLook-1)/watchLook)), 999_999)
	rest := fmt.Sprintf("%s%06d", name, looks)
	return "q" + rest, "r" + rest
}

// WatchHeld tells whether a line of the proxy's log is the watch's word that a
// Wasm filter of a name held a request.
func WatchHeld(line, name string) bool {
	rest, ours := strings.CutSuffix(line, " "+WatchVM+": held")
	root, named := strings.CutPrefix(rest, "wasm log "+name+" ")
	return ours && named && len(root) == 1+len(name)+6 && root[1:1+len(name)] == name
}
