package fetch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/krater-mesh/krater/disk"
)

// kept is the last good answer, as it stands on disk: a line of JSON, then the
// body.
type kept struct {
	URL      string    `json:"url"`
	Kind     string    `json:"kind"`
	ETag     string    `json:"etag,omitempty"`
	Modified string    `json:"modified,omitempty"`
	Seen     time.Time `json:"seen"`
	SHA256   string    `json:"sha256"`
	body     []byte
}

func (s *Store) path(key string) string { return filepath.Join(s.o.Dir, key+".kept") }

// keep writes what came, if it is new. With an error it is known for as long as
// this process lives.
func (s *Store) keep(key string, r *Request, before kept, got look) (kept, error) {
	now := kept{URL: r.URL, Kind: r.Kind, ETag: got.etag, Modified: got.modified, Seen: time.Now().UTC(), SHA256: before.SHA256, body: before.body}
	if !got.same {
		now.body = got.body
		sum := sha256.Sum256(got.body)
		now.SHA256 = hex.EncodeToString(sum[:])
	}
	if s.o.Dir == "" {
		return now, nil
	}
	if now.SHA256 == before.SHA256 && now.ETag == before.ETag && now.Modified == before.Modified {
		if os.Chtimes(s.path(key), now.Seen, now.Seen) == nil {
			return now, nil
		}
	}
	if err := disk.Write(s.path(key), now.encode()); err != nil {
		return now, fmt.Errorf("keeping what came: %w", err)
	}
	return now, nil
}

func (k kept) encode() []byte {
	b, _ := json.Marshal(k) // texts only
	return append(append(b, '\n'), k.body...)
}

var errNotWritten = errors.New("it is not what was written")

func decode(b []byte) (kept, error) {
	line, body, ok := bytes.Cut(b, []byte("\n"))
	var k kept
	if !ok || json.Unmarshal(line, &k) != nil {
		return kept{}, errNotWritten
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != k.SHA256 {
		return kept{}, errNotWritten
	}
	k.body = body
	return k, nil
}

// load gives what was kept of a request before a restart, if it is still good.
func (s *Store) load(key string, r Request) kept {
	if s.o.Dir == "" {
		return kept{}
	}
	b, err := os.ReadFile(s.path(key))
	if err != nil {
		return kept{}
	}
	k, err := decode(b)
	if info, statErr := os.Stat(s.path(key)); statErr == nil && info.ModTime().After(k.Seen) {
		k.Seen = info.ModTime().UTC() // it was there still
	}
	if err != nil || k.URL != r.URL || k.Kind != r.Kind || int64(len(k.body)) > r.maxBytes() || r.Check != nil && r.Check(k.body) != nil {
		return kept{}
	}
	return k
}

// forgotten is how long something is kept that nobody asks for: its object may
// come back.
const forgotten = 24 * time.Hour

// sweep removes what nobody asked for in a while. The first rounds remove
// nothing: not everybody has asked yet. The lock is held.
func (s *Store) sweep() {
	if s.o.Dir == "" || s.round < 3 {
		return
	}
	files, _ := filepath.Glob(filepath.Join(s.o.Dir, "*.kept"))
	for _, file := range files {
		key := filepath.Base(file[:len(file)-len(".kept")])
		if info, err := os.Stat(file); err == nil && s.sources[key] == nil && time.Since(info.ModTime()) > forgotten {
			_ = os.Remove(file)
		}
	}
}
