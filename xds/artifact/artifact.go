// Package artifact turns the URLs of Wasm modules into modules by digest, kept
// as files that agents are given. What it takes from files, web servers and
// registries is bounded, compared with its pin, its signatures and what
// verification says, and kept across restarts; no proxy fetches code itself.
package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
)

// MaxSize is the most bytes a module may have, where the mesh does not say.
const MaxSize = 64 << 20

// digestPrefix begins a digest: its algorithm.
const digestPrefix = "sha256:"

// ErrPending says that a module is not there yet: it is being fetched or
// verified. Changed is called when it is known what came of it.
var ErrPending = errors.New("it is being fetched and verified")

// Verdict is what verification says of a module.
type Verdict struct {
	Refused string // why no proxy is to run it; empty: it is good
	// Once: it holds for this filter's configuration only, and is not kept.
	Once bool
}

// Options of a Store.
type Options struct {
	Dir string
	// Verify says whether proxies may run a module as a filter; nil: all are
	// taken. Verifier names its version: what another one said is not believed.
	Verify   func(ctx context.Context, code []byte, f *model.FilterBinding) Verdict
	Verifier string
	// Changed is called, by any goroutine, when Resolve would say something
	// else than before; nil: Resolve waits until it is known.
	Changed func()
	// Resolver looks hosts up; nil: the machine's.
	Resolver *net.Resolver
	Times    Times
}

// Times are the store's patience; zero fields have defaults.
type Times struct {
	Fetch   time.Duration // all of one fetch: 2 min
	Pending time.Duration // until what is pending counts as missing: 30 s
	File    time.Duration // how long Resolve waits for a file's verification: 5 s
	Retry   time.Duration // after a first failure, twice as long after each further one: 10 s
	Longest time.Duration // between two tries: 10 min
	Pull    time.Duration // between two looks at what may change: 5 min
}

func (t Times) withDefaults() Times {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&t.Fetch, 2 * time.Minute}, {&t.Pending, 30 * time.Second}, {&t.File, 5 * time.Second},
		{&t.Retry, 10 * time.Second}, {&t.Longest, 10 * time.Minute}, {&t.Pull, 5 * time.Minute}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return t
}

// atOnce is how many modules are fetched and verified at the same time.
const atOnce = 4

// Store keeps modules in a folder, each in a file named by its digest. Its
// methods may be called by many goroutines.
type Store struct {
	o     Options
	ctx   context.Context // of what runs in the background
	stop  context.CancelFunc
	tasks sync.WaitGroup
	slots chan struct{}

	mu      sync.Mutex
	closed  bool
	builtin model.Module
	sources map[string]*source // by the key of their requests
	round   int
}

// New gives a store over a folder, which is made when first needed. It runs
// nothing until it is asked for a module.
func New(o Options) *Store {
	o.Times = o.Times.withDefaults()
	s := &Store{o: o, slots: make(chan struct{}, atOnce), sources: map[string]*source{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Close ends what runs in the background, and waits for it.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	for _, src := range s.sources {
		src.stopTimer()
	}
	s.mu.Unlock()
	s.stop()
	s.tasks.Wait()
}

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

// Path is the file of a module.
func (s *Store) Path(digest string) string { return Path(s.o.Dir, digest) }

// Path is the file of a module in a folder of modules.
func Path(dir, digest string) string {
	return filepath.Join(dir, strings.TrimPrefix(digest, digestPrefix)+".wasm")
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
		now := time.Now()
		_ = os.Chtimes(path, now, now) // it is new to somebody: Sweep leaves it for a while
		return m, nil
	}
	if err := writeFile(path, code); err != nil {
		return model.Module{}, fmt.Errorf("keeping module %s: %w", url, err)
	}
	return m, nil
}

// writeFile is atomic: a crash leaves the old file or the new one.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), "module-*.part") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(data)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), path)
	}
	return err
}
