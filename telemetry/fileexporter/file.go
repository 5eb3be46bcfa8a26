package fileexporter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// files are the open ones, by path.
type files struct {
	mu   sync.Mutex
	open map[string]*file
}

// file is one file with its users.
type file struct {
	path    string
	limit   int64 // bytes
	backups int
	users   int // guarded by files.mu

	mu   sync.Mutex
	f    *os.File
	size int64
}

// acquire opens a file, or shares it.
func (s *files) acquire(c *Config) (*file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.open[c.Path]; f != nil {
		f.users++
		return f, nil
	}
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of a telemetry file: %w", err)
	}
	f := &file{path: c.Path, limit: c.MaxMegabytes << 20, backups: c.MaxBackups, users: 1}
	if err := f.reopen(); err != nil {
		return nil, err
	}
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
	return f.f.Close()
}

// reopen opens the path for appending.
func (f *file) reopen() error {
	opened, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening a telemetry file: %w", err)
	}
	info, err := opened.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("opening a telemetry file: %w", err), opened.Close())
	}
	f.f, f.size = opened, info.Size()
	return nil
}

// write appends one line, in one piece.
func (f *file) write(line []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size > 0 && f.size+int64(len(line)) > f.limit {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	n, err := f.f.Write(line)
	f.size += int64(n)
	if err != nil {
		return fmt.Errorf("writing a telemetry file: %w", err)
	}
	return nil
}

// rotate moves PATH to PATH.1, PATH.1 to PATH.2 and so on, and begins anew.
// The file stays open until its successor is.
func (f *file) rotate() error {
	old := f.f
	for i := f.backups; i > 0; i-- {
		from := f.path
		if i > 1 {
			from += "." + strconv.Itoa(i-1)
		}
		if err := os.Rename(from, f.path+"."+strconv.Itoa(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotating a telemetry file: %w", err)
		}
	}
	if f.backups == 0 {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotating a telemetry file: %w", err)
		}
	}
	if err := f.reopen(); err != nil {
		return err
	}
	return old.Close()
}
