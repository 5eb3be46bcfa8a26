// Package modules keeps Wasm modules beside an Envoy, by digest: it gets each
// one once from the control plane, believes nothing but its SHA-256, and puts
// the name of the file that is here into the resource that names the module.
package modules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc"
)

// MaxSize is the most bytes a module may have.
const MaxSize = 64 << 20

// resourcePrefix begins the name by which the control plane serves a module.
const resourcePrefix = "modules/sha256/"

// fileName is that of every module: its digest in hex.
var fileName = regexp.MustCompile(`^[0-9a-f]{64}\.wasm$`)

// Store is a folder of modules. Several agents of one user may share it. Its
// methods may be called by many goroutines.
type Store struct {
	dir string

	mu   sync.Mutex
	good map[string]bool // whose file was read and is what its name says
}

// New gives a store over a folder, which is made when first needed.
func New(dir string) *Store { return &Store{dir: dir, good: map[string]bool{}} }

// Path is the file of a module.
func (s *Store) Path(digest string) string { return filepath.Join(s.dir, digest+".wasm") }

// Has tells whether a module is here and whole.
func (s *Store) Has(digest string) bool { return s.has(digest) }

// has tells whether a module is here and whole. A file is read once.
func (s *Store) has(digest string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.good[digest] {
		if _, err := os.Stat(s.Path(digest)); err == nil {
			return true
		}
		delete(s.good, digest)
		return false
	}
	f, err := os.Open(s.Path(digest))
	if err != nil {
		return false
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil || hex.EncodeToString(sum.Sum(nil)) != digest {
		return false
	}
	s.good[digest] = true
	return true
}

// Fetch gets a module from the control plane. What is not what it should be is
// thrown away.
func (s *Store) Fetch(ctx context.Context, from grpc.ClientConnInterface, digest string) error {
	if err := s.fetch(ctx, from, digest); err != nil {
		return fmt.Errorf("module sha256:%s cannot be had: %w", digest, err)
	}
	return nil
}

func (s *Store) fetch(ctx context.Context, from grpc.ClientConnInterface, digest string) error {
	if !fileName.MatchString(digest + ".wasm") {
		return errors.New("this is no digest")
	}
	if s.has(digest) {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(s.dir, "module-*.part") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // fails once it is renamed
	sum := sha256.New()
	err = download(ctx, from, digest, part, sum)
	if err := errors.Join(err, part.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != digest {
		return fmt.Errorf("what was sent is sha256:%s", got)
	}
	if err := os.Rename(part.Name(), s.Path(digest)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.good[digest] = true
	return nil
}

func download(ctx context.Context, from grpc.ClientConnInterface, digest string, to io.Writer, sum hash.Hash) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := bytestream.NewByteStreamClient(from).Read(ctx, &bytestream.ReadRequest{ResourceName: resourcePrefix + digest})
	if err != nil {
		return err
	}
	for size := 0; ; {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if size += len(chunk.GetData()); size > MaxSize {
			return fmt.Errorf("it has more than %d bytes", MaxSize)
		}
		sum.Write(chunk.GetData())
		if _, err := to.Write(chunk.GetData()); err != nil {
			return err
		}
	}
}
