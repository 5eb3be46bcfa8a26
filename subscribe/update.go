package subscribe

import (
	"encoding/json"
	"fmt"
)

// Update is the present state of one type, and what changed in it.
type Update struct {
	Type      string            // the type URL
	Resources map[string][]byte // all present resources: name → JSON. Not to be changed
	Changed   []string          // names that are new or changed, sorted
	Removed   []string          // names that are gone, sorted
	FromDisk  bool              // the last good state; the server did not answer yet
}

// Decode reads every resource of an update as a T. The error names the first
// one, by name, that is not one.
func Decode[T any](u Update) (map[string]T, error) {
	out := make(map[string]T, len(u.Resources))
	for name, text := range u.Resources {
		var v T
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, fmt.Errorf("decoding %s %s: %w", short(u.Type), name, err)
		}
		out[name] = v
	}
	return out, nil
}
