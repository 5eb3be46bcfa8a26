package file

import (
	"bytes"
	"io"
	"os"
)

// ReadFile reads a file that an object names, as Read reads the objects' own:
// one that somebody still writes is as it was before.
func (s *Source) ReadFile(path string) ([]byte, error) {
	s.mu.Lock()
	before, known := s.named[path]
	s.mu.Unlock()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	switch {
	case err != nil:
		return nil, err
	case known && !bytes.Equal(data, before) && isWritten(f, info, true):
		return before, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named == nil {
		s.named = map[string][]byte{}
	}
	s.named[path] = data
	return data, nil
}
