// Package rotating appends whole lines to a file, and begins another when it
// is full: PATH.1 is the youngest of the old ones. It never writes half a line.
package rotating

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// File is one file with its old ones.
type File struct {
	path    string
	limit   int64 // bytes
	backups int

	mu   sync.Mutex
	f    *os.File
	size int64
}

// Open opens a file for appending, of at most limit bytes. It and its folder
// are made where they are not there.
func Open(path string, limit int64, backups int) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of a telemetry file: %w", err)
	}
	f := &File{path: path, limit: limit, backups: backups}
	return f, f.reopen()
}

// Close ends it.
func (f *File) Close() error { return f.f.Close() }

// reopen opens the path for appending.
func (f *File) reopen() error {
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

// Write appends lines, in one piece.
func (f *File) Write(lines []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size > 0 && f.size+int64(len(lines)) > f.limit {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	n, err := f.f.Write(lines)
	f.size += int64(n)
	if err != nil {
		return fmt.Errorf("writing a telemetry file: %w", err)
	}
	return nil
}

// rotate moves PATH to PATH.1, PATH.1 to PATH.2 and so on, and begins anew.
// The file stays open until its successor is.
func (f *File) rotate() error {
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
