package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// maxSize bounds one file, in bytes.
const maxSize = 10 << 20

// A file that somebody has open for writing is half written, perhaps empty.
// It is read when it was closed, or had no write for this long.
const abandoned = 2 * time.Second

// Two writes within one tick of the file system's clock have one time: a file
// this young is read again.
const tick = 20 * time.Millisecond

// loaded is a file as it was read.
type loaded struct {
	*crds.File
	info    os.FileInfo
	at      time.Time // before it was read
	writing bool      // File is older than what is there: it is being written
}

// load reads a file, unless it is as it was. nil: it is gone.
func load(path string, info os.FileInfo, earlier *loaded) *loaded {
	if earlier != nil && !earlier.writing && sameFile(info, earlier.info) && earlier.at.Sub(info.ModTime()) > tick {
		return earlier
	}
	now := time.Now()
	data, info, writing, err := readBounded(path, info, earlier != nil)
	switch {
	case errors.Is(err, os.ErrNotExist): // removed since the folder was read
		return nil
	case err != nil:
		return &loaded{at: now, File: &crds.File{Problems: model.Problems{fileProblem(path, "%v", err)}}}
	case !writing:
		return &loaded{info: info, at: now, File: crds.ParseFile(path, data, parsed(earlier))}
	case earlier != nil:
		return &loaded{info: info, at: now, File: earlier.File, writing: true}
	}
	p := fileProblem(path, "it is being written")
	p.Severity, p.Fix = model.Warning, "it is read when it is closed"
	return &loaded{info: info, at: now, File: &crds.File{Problems: model.Problems{p}}, writing: true}
}

func parsed(l *loaded) *crds.File {
	if l == nil {
		return nil
	}
	return l.File
}

func sameFile(a, b os.FileInfo) bool {
	return b != nil && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// readBounded also tells whether the file is being written.
func readBounded(path string, found os.FileInfo, known bool) (data []byte, info os.FileInfo, writing bool, err error) {
	if !found.Mode().IsRegular() { // a pipe would wait for its writer
		return nil, nil, false, fmt.Errorf("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, false, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, false, err
	}
	data, err = io.ReadAll(io.LimitReader(f, maxSize+1))
	if len(data) > maxSize {
		return nil, nil, false, fmt.Errorf("it is larger than %d MB", maxSize>>20)
	}
	return data, info, isWritten(f, info, known), err
}

// isWritten tells whether a file may be half written. Where that is not to be
// found out, a file that was there before is taken as it is when it was left
// alone for a while; a new one at once.
func isWritten(f *os.File, info os.FileInfo, known bool) bool {
	age := time.Since(info.ModTime())
	if age > abandoned {
		return false
	}
	writer, sure := hasWriter(f)
	return writer || !sure && known && age < tick
}

// stillWriting tells whether a file that was being written still is.
func stillWriting(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && isWritten(f, info, true)
}
