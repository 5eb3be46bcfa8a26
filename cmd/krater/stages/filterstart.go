package stages

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/krater-mesh/krater/config/store"
	"github.com/krater-mesh/krater/filters/verify"
	"github.com/krater-mesh/krater/model"
)

// starts are modules that were started with a configuration. Those that took
// it are remembered on disk: a control plane that starts does not try them all
// again.
type starts struct {
	dir string

	mu    sync.Mutex
	known map[string][]store.FilterFinding // by verify.Key
}

// startedFor is how long a start is remembered that nobody asked for again.
const startedFor = 30 * 24 * time.Hour

// maxStarts is how many are remembered in memory.
const maxStarts = 1000

func newStarts(moduleDir string) *starts {
	s := &starts{dir: filepath.Join(moduleDir, "started"), known: map[string][]store.FilterFinding{}}
	old, _ := filepath.Glob(filepath.Join(s.dir, "*"))
	for _, file := range old {
		if info, err := os.Stat(file); err == nil && time.Since(info.ModTime()) > startedFor {
			_ = os.Remove(file)
		}
	}
	return s
}

// check starts a filter's module with a configuration, as a proxy would, and
// gives what it refuses.
func (s *starts) check(path string, f *model.FilterBinding, t told) []store.FilterFinding {
	o := startOptions(f, t.config)
	key := verify.Key(f.Module.Digest, o) // the field is not part of it
	s.mu.Lock()
	defer s.mu.Unlock()
	found, known := s.known[key]
	if !known && s.remembered(key) {
		s.known[key], known = nil, true
	}
	if !known {
		code, err := os.ReadFile(path)
		if err != nil {
			return nil // it is gone meanwhile: the proxies are told, too
		}
		found = refusals(verify.Start(context.Background(), code, o))
		if len(s.known) >= maxStarts {
			clear(s.known)
		}
		if s.known[key] = found; len(found) == 0 {
			s.remember(key)
		}
	}
	return t.located(found)
}

// refusals are what a module says against its configuration, at paths in it.
// What it does when it starts at all was verified before.
func refusals(r verify.Report) []store.FilterFinding {
	for _, f := range r.Findings {
		if f.Level != verify.Error {
			continue
		}
		if f.Check != verify.CheckConfig {
			return []store.FilterFinding{{Text: "with it, " + f.Message, Fix: f.Fix}}
		}
		// The SDK writes "filter ID refused: " and then a field's path a line.
		if _, lines, ok := strings.Cut(strings.Join(r.Log, "\n"), " refused: "); ok {
			return told{}.lines(lines)
		}
		return []store.FilterFinding{{Text: f.Message, Fix: f.Fix}}
	}
	return nil
}

// located puts findings at their fields. What is said of a secret is said of
// what stood in for it.
func (t told) located(list []store.FilterFinding) []store.FilterFinding {
	var out []store.FilterFinding
	for _, f := range list {
		one := t.finding(strings.TrimPrefix(f.Field, "."), f.Text)
		if f.Fix != "" {
			one.Fix = f.Fix
		}
		placeholder := false
		for _, s := range t.secrets {
			placeholder = placeholder || one.Field == s.Field
		}
		if !placeholder {
			out = append(out, one)
		}
	}
	return out
}

func (s *starts) remembered(key string) bool {
	file := filepath.Join(s.dir, key)
	if _, err := os.Stat(file); err != nil {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(file, now, now) // else it is tried again one day
	return true
}

func (s *starts) remember(key string) {
	if err := os.MkdirAll(s.dir, 0o700); err == nil {
		_ = os.WriteFile(filepath.Join(s.dir, key), nil, 0o600) // else it is tried again
	}
}

// placeholder stands in for every secret where a module is only tried: nobody
// but proxies has the values.
const placeholder = "krater-secret-placeholder-0123456789"

var (
	placeholderBytes = []byte("a key that opens only placeholde")
	placeholderKey   = base64.StdEncoding.EncodeToString(placeholderBytes)
	placeholderText  = sealedPlaceholder()
)

// placeheld is a configuration with placeholders in the place of its secrets.
func placeheld(config string) string {
	out, err := model.MapSecretRefs(config, func(string, any) any { return map[string]any{"sealed": placeholderText} })
	if err != nil {
		return config
	}
	return out
}

// sealedPlaceholder is sealed as an agent does it, with a key that is no secret.
func sealedPlaceholder() string {
	block, err := aes.NewCipher(placeholderBytes)
	if err != nil {
		panic(err) // the key has the right length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	nonce := make([]byte, aead.NonceSize())
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(placeholder), nil))
}
