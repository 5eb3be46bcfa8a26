package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/krater-mesh/krater/xds/artifact/signature"
)

// readFile reads a module from a file, and its signature from beside it.
func readFile(w *wanted) (got, error) {
	code, err := readBounded(w.url.Path, w.limit())
	if err != nil {
		return got{}, err
	}
	if len(w.keys) == 0 {
		return got{code: code}, nil
	}
	sig, err := readBounded(w.url.Path+sigSuffix, signature.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return got{}, &Signature{fmt.Sprintf("it is not signed: there is no %s%s", w.url.Path, sigSuffix)}
	}
	if err != nil {
		return got{}, fmt.Errorf("reading its signature: %w", err)
	}
	by, err := signedBy(w, code, string(sig))
	return got{code: code, signer: by}, err
}

func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the module's file cannot be read: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", path)
	case info.Size() > limit:
		return nil, fmt.Errorf("%s has %d bytes, a module may have %d", path, info.Size(), limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the module's file cannot be read: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = tooLarge(0, limit)
	}
	return b, err
}

// fileSum tells contents of a file apart, its signature's where one is wanted.
func fileSum(w *wanted) (string, error) {
	code, err := readBounded(w.url.Path, w.limit())
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(code)
	out := hex.EncodeToString(sum[:])
	if len(w.keys) > 0 {
		sig, _ := readBounded(w.url.Path+sigSuffix, signature.MaxSize)
		sum := sha256.Sum256(sig)
		out += hex.EncodeToString(sum[:])
	}
	return out, nil
}
