package vm

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"

// The proxy's own answer for one header is the first of its values: whoever
// sends another first would hide the one that policies see. So headers are read
// all at once, once a callback; that is as many crossings as for one.

// snapshot is a stream's headers as they are in this callback.
type snapshot struct {
	stream, callback uint32 // that it was taken for
	bytes            []byte // used again for every stream
}

var (
	// snapshots are of requests' headers and of answers'.
	snapshots [2]snapshot
	callbacks uint32 // so far
)

// snapshotOf finds the snapshot of a header map; nil: it has none.
func snapshotOf(m abi.Map) *snapshot {
	switch m {
	case abi.RequestHeaders:
		return &snapshots[0]
	case abi.ResponseHeaders:
		return &snapshots[1]
	}
	return nil
}

// read finds a header; duplicates come joined.
func (s *stream) read(m abi.Map, name string) (string, bool) {
	k := snapshotOf(m)
	if k == nil {
		return readOnce(m, name)
	}
	if k.stream != s.id || k.callback != callbacks {
		var status abi.Status
		if k.bytes, status = abi.Snapshot(m, k.bytes); status != abi.OK {
			k.stream = 0
			return "", false
		}
		k.stream, k.callback = s.id, callbacks
	}
	return abi.Find(k.bytes, known(name))
}

// once is the memory of readOnce.
var once []byte

// readOnce finds a header of a map that is rarely read.
func readOnce(m abi.Map, name string) (string, bool) {
	var status abi.Status
	if once, status = abi.Snapshot(m, once); status != abi.OK {
		return "", false
	}
	return abi.Find(once, known(name))
}

// changed has the headers read again when they are asked for again.
func changed(m abi.Map) {
	if k := snapshotOf(m); k != nil {
		k.stream = 0
	}
}

// known is the name under which the proxy has a header.
func known(name string) string {
	for i := range len(name) {
		if 'A' <= name[i] && name[i] <= 'Z' {
			name = lower(name)
			break
		}
	}
	if name == "host" {
		return ":authority"
	}
	return name
}

func lower(name string) string {
	b := []byte(name)
	for i := range b {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
