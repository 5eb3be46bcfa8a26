package fileexporter

import (
	"sync"

	"github.com/krater-mesh/krater/telemetry/rotating"
)

// files are the open ones, by path.
type files struct {
	mu   sync.Mutex
	open map[string]*file
}

// file is one file with its users.
type file struct {
	*rotating.File
	path  string
	users int // guarded by files.mu
}

// acquire opens a file, or shares it.
func (s *files) acquire(c *Config) (*file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.open[c.Path]; f != nil {
		f.users++
		return f, nil
	}
	opened, err := rotating.Open(c.Path, c.MaxMegabytes<<20, c.MaxBackups)
	if err != nil {
		return nil, err
	}
	f := &file{File: opened, path: c.Path, users: 1}
	s.open[c.Path] = f
	return f, nil
}

// release closes a file after its last user.
func (s *files) release(f *file) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.users--; f.users > 0 {
		return nil
	}
	delete(s.open, f.path)
	return f.Close()
}
