package filters

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/krater-mesh/krater/disk"
)

// keptFile holds what was taken out: an agent that starts anew must not let
// it in again.
const keptFile = "filters.json"

// mostTaken bounds what is kept.
const mostTaken = 256

// load reads it. What cannot be read is told, and counts as nothing.
func (k *Keeper) load() map[string]*taken {
	out := map[string]*taken{}
	text, err := os.ReadFile(filepath.Join(k.o.Dir, keptFile))
	if errors.Is(err, fs.ErrNotExist) {
		return out
	}
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		k.o.Logger.Warn("which filters were taken out is not known any more", "reason", err)
		return map[string]*taken{}
	}
	for name, t := range out {
		if t == nil {
			delete(out, name)
		}
	}
	return out
}

// forgetOldest makes room for one more.
func (k *Keeper) forgetOldest() {
	oldest := ""
	for id, t := range k.takenOut {
		if oldest == "" || t.Since.Before(k.takenOut[oldest].Since) {
			oldest = id
		}
	}
	if len(k.takenOut) >= mostTaken {
		delete(k.takenOut, oldest)
	}
}

// save writes it, wholly or not at all.
func (k *Keeper) save() {
	text, err := json.Marshal(k.takenOut)
	if err == nil {
		err = disk.Write(filepath.Join(k.o.Dir, keptFile), text)
	}
	if err != nil {
		k.o.Logger.Error("a filter is out, but an agent that starts anew would not know it", "reason", err)
	}
}
