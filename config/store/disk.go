package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// disk keeps one file an object. Objects may hold secrets: files are 0600.
type disk struct{ dir string }

func openDisk(dir string) (*disk, error) {
	return &disk{dir}, os.MkdirAll(dir, 0o700)
}

// path is the same for the same object, and safe whatever its name is.
func (d *disk) path(r model.Ref) string {
	sum := sha256.Sum256([]byte(r.String()))
	return filepath.Join(d.dir, strings.ToLower(filepath.Base("k-"+r.Kind))+"-"+hex.EncodeToString(sum[:12])+".json")
}

// load reads every entry. One that cannot be read is a Problem and left out.
func (d *disk) load() (map[model.Ref]*crds.Entry, model.Problems, error) {
	files, err := filepath.Glob(filepath.Join(d.dir, "*.json"))
	if err != nil {
		return nil, nil, err
	}
	out := map[model.Ref]*crds.Entry{}
	var problems model.Problems
	for _, f := range files {
		var e crds.Entry
		b, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(b, &e)
		}
		if err == nil && (d.path(e.Ref) != f || model.Hash(e.Content) != e.Version) {
			err = errors.New("it is not what was written")
		}
		if err != nil {
			problems = append(problems, model.Problem{Code: model.CodeLastGood, Severity: model.Warning, Object: e.Ref,
				Message: fmt.Sprintf("the last good version on disk is lost: %v", err), Origin: model.Origin{File: f}})
			continue
		}
		out[e.Ref] = &e
	}
	return out, problems, nil
}

// durable is the number of entries up to which each is brought to the disk by
// itself. More than that come at a start, where it would take seconds; what a
// power cut damages then is told at the next start.
const durable = 16

// save writes entries, and removes those that are nil.
func (d *disk) save(changed map[model.Ref]*crds.Entry) error {
	var errs []error
	for ref, e := range changed {
		if e != nil {
			errs = append(errs, d.write(ref, e, len(changed) <= durable))
		} else if err := os.Remove(d.path(ref)); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// write is atomic: a crash leaves the old file or the new one.
func (d *disk) write(ref model.Ref, e *crds.Entry, sync bool) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", ref, err)
	}
	f, err := os.CreateTemp(d.dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if sync && err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), d.path(ref))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
