// Package artifact turns the URLs of Wasm modules into modules by digest, kept
// as files that proxies read. It refuses what is not a Wasm module, is too
// large, or is not what was pinned; no proxy ever fetches code itself.
package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/krater-mesh/krater/model"
)

// MaxSize is the most bytes a module may have.
const MaxSize = 64 << 20

// digestPrefix begins a digest: its algorithm.
const digestPrefix = "sha256:"

// Store keeps modules in a folder, each in a file named by its digest. Its
// methods may be called by many goroutines.
type Store struct {
	dir string

	mu      sync.Mutex
	builtin model.Module
}

// New gives a store over a folder, which is made when first needed.
func New(dir string) *Store { return &Store{dir: dir} }

// AddBuiltin keeps the module behind every "builtin:" URL.
func (s *Store) AddBuiltin(code []byte) (model.Module, error) {
	m, err := s.keep(model.BuiltinModule, code)
	if err != nil {
		return model.Module{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.builtin = m
	return m, nil
}

// Resolve gives the module of a URL: "builtin:ROOT", "file:///PATH",
// "file://./PATH" or a path; what is relative is below baseDir. A pin, where
// given, is the SHA-256 that it must have, in hex. An error says what the file
// is, if it is no module.
func (s *Store) Resolve(url, pin, baseDir string) (model.Module, error) {
	if strings.HasPrefix(url, model.BuiltinModule) {
		return s.resolveBuiltin(url)
	}
	path, err := localPath(url, baseDir)
	if err != nil {
		return model.Module{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return model.Module{}, fmt.Errorf("the module's file cannot be read: %w", err)
	}
	if info.Size() > MaxSize {
		return model.Module{}, fmt.Errorf("%s has %d bytes, a module may have %d", path, info.Size(), MaxSize)
	}
	code, err := os.ReadFile(path)
	if err != nil {
		return model.Module{}, fmt.Errorf("the module's file cannot be read: %w", err)
	}
	if err := check(path, code); err != nil {
		return model.Module{}, err
	}
	if err := checkPin(path, code, pin); err != nil {
		return model.Module{}, err
	}
	return s.keep(url, code)
}

// Path is the file of a module.
func (s *Store) Path(digest string) string {
	return filepath.Join(s.dir, strings.TrimPrefix(digest, digestPrefix)+".wasm")
}

func (s *Store) resolveBuiltin(url string) (model.Module, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.builtin.Digest == "" {
		return model.Module{}, errors.New("this krater was built without its filters: run `make filters`, then build again")
	}
	m := s.builtin
	m.URL = url
	return m, nil
}

// keep writes a module's file if it is not there yet.
func (s *Store) keep(url string, code []byte) (model.Module, error) {
	sum := sha256.Sum256(code)
	m := model.Module{URL: url, Digest: digestPrefix + hex.EncodeToString(sum[:]), Size: int64(len(code))}
	path := s.Path(m.Digest)
	if have, err := os.ReadFile(path); err == nil && sha256.Sum256(have) == sum {
		return m, nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return model.Module{}, fmt.Errorf("keeping module %s: %w", url, err)
	}
	part, err := os.CreateTemp(s.dir, "module-*.part") // 0600
	if err != nil {
		return model.Module{}, fmt.Errorf("keeping module %s: %w", url, err)
	}
	defer os.Remove(part.Name())
	_, err = part.Write(code)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return model.Module{}, fmt.Errorf("keeping module %s: %w", url, err)
	}
	return m, nil
}

func localPath(url, baseDir string) (string, error) {
	path, isFile := strings.CutPrefix(url, "file://")
	if !isFile && strings.Contains(url, "://") {
		return "", fmt.Errorf("%s: only file URLs and builtin: are supported yet", url)
	}
	if path == "" {
		return "", errors.New("the URL names no file")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(baseDir, path)
	}
	return path, nil
}
