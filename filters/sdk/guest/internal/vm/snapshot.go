package vm

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"

// The proxy's own answer for one header is the first of its values: whoever
// sends another first would hide the one that policies see. So headers are read
// all at once, once a callback; that is as many crossings as for one.

// snapshot is a stream's headers as they are in this callback.
type snapshot struct {
	stream, callback uint32 // that it was taken for
	bytes            []byte // used again for every stream
	changed          []string
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
	name = known(name)
	if !k.tells(s.id, name) && !k.take(m, s.id) {
		return "", false
	}
	return abi.Find(k.bytes, name)
}

// tells says whether the snapshot is this stream's, of this callback, and the
// header has not been changed since.
func (k *snapshot) tells(stream uint32, name string) bool {
	if k.stream != stream || k.callback != callbacks {
		return false
	}
	for _, changed := range k.changed {
		if changed == name {
			return false
		}
	}
	return true
}

func (k *snapshot) take(m abi.Map, stream uint32) bool {
	var status abi.Status
	k.bytes, status = abi.Snapshot(m, k.bytes)
	clear(k.changed)
	k.stream, k.callback, k.changed = stream, callbacks, k.changed[:0]
	if status != abi.OK {
		k.stream = 0
	}
	return status == abi.OK
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

// changed has the headers read again when this one is asked for again.
func (s *stream) changed(m abi.Map, name string) {
	if k := snapshotOf(m); k != nil && k.stream == s.id && k.callback == callbacks {
		k.changed = append(k.changed, known(name))
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
