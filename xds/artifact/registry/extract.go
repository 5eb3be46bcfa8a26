package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strings"
)

// moduleFile is the module in images that are archives.
const moduleFile = "plugin.wasm"

// The bounds of an archive, beside the size of the module in it.
const (
	maxEntries = 1024
	slack      = 1 << 20 // of headers, and of what else is in it
)

// extract gives plugin.wasm of a tar.gz. Nothing is written anywhere, so names
// lead nowhere; but which of several is meant must be plain.
func extract(layer []byte, limit int64) ([]byte, error) {
	zipped, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		return nil, invalid("it is not gzip: %v", err)
	}
	archive := tar.NewReader(&bounded{zipped, limit + slack})
	var code []byte
	for n := 0; ; n++ {
		h, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF) && code == nil:
			return nil, invalid("there is no %s in it", moduleFile)
		case errors.Is(err, io.EOF):
			return code, nil
		case errors.Is(err, errGrows):
			return nil, invalid("it unpacks to more than %d bytes", limit)
		case err != nil:
			return nil, invalid("it is no tar archive: %v", err)
		case n == maxEntries:
			return nil, invalid("it holds more than %d files", maxEntries)
		}
		if path.Base(path.Clean("/"+h.Name)) != moduleFile {
			continue
		}
		switch {
		case strings.Contains("/"+h.Name+"/", "/../"):
			return nil, invalid("it holds %q, which leads out of it", h.Name)
		case h.Typeflag != tar.TypeReg:
			return nil, invalid("its %s is no plain file", h.Name)
		case code != nil:
			return nil, invalid("it holds %s twice: which?", moduleFile)
		case h.Size > limit:
			return nil, invalid("its %s has %d bytes, at most %d are read", h.Name, h.Size, limit)
		}
		if code, err = io.ReadAll(archive); err != nil {
			return nil, invalid("its %s cannot be read: %v", h.Name, err)
		}
		if code == nil {
			code = []byte{}
		}
	}
}

var errGrows = errors.New("it unpacks to more than is read")

// bounded is a reader that fails beyond so many bytes.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errGrows
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
