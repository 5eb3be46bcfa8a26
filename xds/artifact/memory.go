package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
)

// note is what is kept of a source: a restart needs no network.
type note struct {
	URL    string       `json:"url"`
	Module model.Module `json:"module"`
	Looked time.Time    `json:"looked"`
	// Verified is the verifier that found the module good.
	Verified string `json:"verified"`
}

func (s *Store) notePath(key string) string {
	return filepath.Join(s.o.Dir, "sources", key+".json")
}

// remember keeps what a source gave. Files are looked at each time anyway.
func (s *Store) remember(w *wanted, m model.Module) error {
	if w.url.Scheme == "file" {
		return nil
	}
	m.Pull = model.ModulePull{}
	b, err := json.Marshal(note{URL: w.url.String(), Module: m, Looked: time.Now(), Verified: s.o.Verifier})
	if err == nil {
		err = writeFile(s.notePath(w.key()), b)
	}
	if err != nil {
		return fmt.Errorf("keeping what came from %s: %w", w.text, err)
	}
	return nil
}

// remembered gives what a source gave before, if the module's file is still
// what its digest says.
func (s *Store) remembered(key string) (model.Module, time.Time) {
	b, err := os.ReadFile(s.notePath(key))
	if err != nil {
		return model.Module{}, time.Time{}
	}
	n, err := readNote(b)
	if err != nil || n.Verified != s.o.Verifier {
		return model.Module{}, time.Time{}
	}
	code, err := os.ReadFile(s.Path(n.Module.Digest))
	sum := sha256.Sum256(code)
	if err != nil || n.Module.Digest != digestPrefix+hex.EncodeToString(sum[:]) {
		return model.Module{}, time.Time{}
	}
	return n.Module, n.Looked
}

func readNote(b []byte) (note, error) {
	var n note
	if err := json.Unmarshal(b, &n); err != nil {
		return n, err
	}
	if !isDigest(n.Module.Digest) {
		return n, errors.New("it names no module")
	}
	return n, nil
}

func isDigest(text string) bool {
	digits, ok := strings.CutPrefix(text, digestPrefix)
	b, err := hex.DecodeString(digits)
	return ok && err == nil && len(b) == sha256.Size && strings.ToLower(digits) == digits
}

// verdictPath is where is kept what verification said of a module as a type of
// filter.
func (s *Store) verdictPath(sum string, t model.FilterType) string {
	if t == "" {
		t = model.FilterHTTP
	}
	return filepath.Join(s.o.Dir, "verified", sum+"-"+string(t)+".json")
}

// judged is a verdict, and whose it is.
type judged struct {
	Verifier string    `json:"verifier"`
	Refused  string    `json:"refused,omitempty"`
	At       time.Time `json:"at"`
}

// refusedFor is how long a refusal is believed: it may have been the machine
// that was too slow.
const refusedFor = time.Hour

// verify asks the verifier, unless it has said it before.
func (s *Store) verify(ctx context.Context, w *wanted, code []byte, sum string) error {
	if s.o.Verify == nil {
		return nil
	}
	path := s.verdictPath(sum, w.Filter.Type)
	var known judged
	if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &known) == nil && known.Verifier == s.o.Verifier &&
		(known.Refused == "" || time.Since(known.At) < refusedFor) {
		return refusal(known.Refused)
	}
	v := s.o.Verify(ctx, code, w.Filter)
	if ctx.Err() != nil {
		return errors.New("verifying it took too long")
	}
	if !v.Once {
		b, err := json.Marshal(judged{s.o.Verifier, v.Refused, time.Now()})
		if err == nil {
			err = writeFile(path, b)
		}
		if err != nil {
			return fmt.Errorf("keeping what verification says: %w", err)
		}
	}
	return refusal(v.Refused)
}

func refusal(reason string) error {
	if reason == "" {
		return nil
	}
	return fmt.Errorf("verification refuses it: %s", reason)
}
