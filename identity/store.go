package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/krater-mesh/krater/disk"
)

// envelope is a file of Krater's that holds secrets: its content with its
// checksum, so that a file that was cut or edited by hand is told apart.
type envelope struct {
	Format  string          `json:"format"`
	SHA256  string          `json:"sha256"` // of Content's bytes
	Content json.RawMessage `json:"content"`
}

// maxFile is more than any of these files has.
const maxFile = 1 << 20

// Save writes a value as JSON, for its user only, and wholly or not at all: a
// crash leaves the old file or the new one.
func Save(path, format string, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	sum := sha256.Sum256(content)
	text, err := json.Marshal(envelope{format, hex.EncodeToString(sum[:]), content})
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	return disk.Write(path, append(text, '\n'))
}

// Load reads what Save wrote. Where there is no such file, the error is
// fs.ErrNotExist; whatever else is wrong with it, it stays as it is.
func Load(path, format string, value any) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if err := private(path, info); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if err := decode(text, format, value); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// ErrNotPrivate says that a file with a key in it is not its user's only.
var ErrNotPrivate = errors.New("others may read or change it")

// private refuses a file with a key in it that others may read or write.
func private(path string, info fs.FileInfo) error {
	switch {
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s holds a private key, and %w (mode %04o): chmod 600 it, and think who may have its key", path, ErrNotPrivate, info.Mode().Perm())
	case info.Size() > maxFile:
		return fmt.Errorf("reading %s: it has %d bytes, more than any that Krater wrote", path, info.Size())
	}
	return nil
}

// decode reads the envelope and what is in it.
func decode(text []byte, format string, value any) error {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return errors.New("it is not whole: " + err.Error())
	}
	if e.Format != format {
		return fmt.Errorf("its format is %q, not %q", e.Format, format)
	}
	if sum := sha256.Sum256(e.Content); e.SHA256 != hex.EncodeToString(sum[:]) {
		return errors.New("its checksum is wrong: it was cut, or edited by hand")
	}
	if err := json.Unmarshal(e.Content, value); err != nil {
		return errors.New("its content cannot be read")
	}
	return nil
}
