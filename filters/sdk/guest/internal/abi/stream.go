package abi

import "encoding/binary"

// Log writes a line; levels are the proxy's: 1 debug to 5 critical.
func Log(level uint32, line string) { proxyLog(level, line) }

// Property reads an attribute.
func Property(path []string) (string, Status) {
	s := proxyGetProperty(join(path), &returned.at, &returned.size)
	if s != OK {
		return "", s
	}
	return text(take()), OK
}

// SetProperty writes filter state "wasm."+name.
func SetProperty(name, value string) Status { return proxySetProperty(name, value) }

// Header reads one value.
func Header(m Map, name string) (string, Status) {
	s := proxyGetHeaderMapValue(m, name, &returned.at, &returned.size)
	if s != OK {
		return "", s
	}
	return text(take()), OK
}

// Headers reads all.
func Headers(m Map) [][2]string {
	if proxyGetHeaderMapPairs(m, &returned.at, &returned.size) != OK {
		return nil
	}
	return splitPairs(take())
}

// Snapshot reads all headers into memory that is used again: what was in it
// before is gone. It gives the memory back, perhaps a larger one.
func Snapshot(m Map, memory []byte) (snapshot []byte, s Status) {
	if lent = memory[:0]; lent == nil {
		lent = []byte{}
	}
	s = proxyGetHeaderMapPairs(m, &returned.at, &returned.size)
	lent = nil
	if s != OK {
		return memory[:0], s
	}
	memory, given = given, nil
	return memory[:returned.size], OK
}

// Find looks a name up in a snapshot, and copies its value. Duplicates are
// joined by ",", those of cookie by "; ", as for the proxy's own policies.
func Find(snapshot []byte, name string) (value string, found bool) {
	if len(snapshot) < 4 {
		return "", false
	}
	n := int(binary.LittleEndian.Uint32(snapshot))
	if n > len(snapshot)/8 {
		return "", false
	}
	at := 4 + 8*n
	for i := range n {
		nameSize := int(binary.LittleEndian.Uint32(snapshot[4+8*i:]))
		valueSize := int(binary.LittleEndian.Uint32(snapshot[8+8*i:]))
		end := at + nameSize + valueSize + 2
		if end > len(snapshot) {
			return value, found
		}
		if nameSize == len(name) && string(snapshot[at:at+nameSize]) == name {
			v := string(snapshot[at+nameSize+1 : end-1])
			switch {
			case found && name == "cookie":
				v = value + "; " + v
			case found:
				v = value + "," + v
			}
			value, found = v, true
		}
		at = end
	}
	return value, found
}

// SetHeader replaces all values of a name.
func SetHeader(m Map, name, value string) Status { return proxyReplaceHeaderMapValue(m, name, value) }

// AddHeader appends a value.
func AddHeader(m Map, name, value string) Status { return proxyAddHeaderMapValue(m, name, value) }

// RemoveHeader drops all values of a name.
func RemoveHeader(m Map, name string) Status { return proxyRemoveHeaderMapValue(m, name) }

// Bytes reads at most n bytes of a buffer, from byte from.
func Bytes(b Buffer, from, n int) []byte {
	if from < 0 || n <= 0 || proxyGetBufferBytes(b, uint32(from), uint32(n), &returned.at, &returned.size) != OK {
		return nil
	}
	return take()
}

// SetBytes replaces n bytes of a buffer, from byte from.
func SetBytes(b Buffer, from, n int, data []byte) Status {
	return proxySetBufferBytes(b, uint32(from), uint32(n), text(data))
}

// Reply answers the request.
func Reply(status int, details, body string, headers [][2]string) Status {
	const noGRPCStatus = -1
	scratch = appendPairs(scratch[:0], headers)
	return proxySendLocalResponse(uint32(status), details, body, text(scratch), noGRPCStatus)
}

// Resume lets a paused flow go on.
func Resume(f Flow) Status { return proxyContinueStream(f) }

// Close ends a stream or connection.
func Close(f Flow) Status { return proxyCloseStream(f) }

// Effective chooses the context that calls go to until this callback returns.
func Effective(id uint32) Status { return proxySetEffectiveContext(id) }
