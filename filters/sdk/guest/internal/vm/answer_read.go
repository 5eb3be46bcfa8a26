package vm

import "github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"

// Get implements sdk.Headers.
func (h *answerHeaders) Get(name string) (string, bool) {
	if !h.live {
		return "", false
	}
	return readOnce(abi.CallHeaders, name)
}

// All implements sdk.Headers.
func (h *answerHeaders) All() [][2]string {
	if !h.live {
		return nil
	}
	return abi.Headers(abi.CallHeaders)
}

// Set implements sdk.Headers; an answer cannot be changed.
func (h *answerHeaders) Set(string, string) {}

// Add implements sdk.Headers.
func (h *answerHeaders) Add(string, string) {}

// Remove implements sdk.Headers.
func (h *answerHeaders) Remove(string) {}

// Get implements sdk.Headers.
func (h *answerTrailers) Get(name string) (string, bool) {
	if !h.live {
		return "", false
	}
	return readOnce(abi.CallTrailers, name)
}

// All implements sdk.Headers.
func (h *answerTrailers) All() [][2]string {
	if !h.live {
		return nil
	}
	return abi.Headers(abi.CallTrailers)
}

// Set implements sdk.Headers; an answer cannot be changed.
func (h *answerTrailers) Set(string, string) {}

// Add implements sdk.Headers.
func (h *answerTrailers) Add(string, string) {}

// Remove implements sdk.Headers.
func (h *answerTrailers) Remove(string) {}

// Len implements sdk.Body.
func (b *answerBody) Len() int { return b.size }

// Read implements sdk.Body.
func (b *answerBody) Read(from, n int) []byte {
	if !b.live || from < 0 || from >= b.size {
		return nil
	}
	return abi.Bytes(abi.CallBody, from, min(n, b.size-from))
}

// Set implements sdk.Body; an answer cannot be changed.
func (b *answerBody) Set([]byte) {}

// Append implements sdk.Body.
func (b *answerBody) Append([]byte) {}

// Prepend implements sdk.Body.
func (b *answerBody) Prepend([]byte) {}
