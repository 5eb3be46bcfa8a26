package decisionstore

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/krater-mesh/krater/model"
)

// maxLine is more than a record has.
const maxLine = 64 << 10

// Read gives the records that a collector's state folder holds, in no order.
// No file is no records.
func Read(dir string, each func(model.DecisionRecord)) error {
	for _, name := range []string{deniedFile + ".1", deniedFile, allowedFile + ".1", allowedFile} {
		f, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading decisions: %w", err)
		}
		err = Scan(f, each)
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// Scan reads records, one a line. A line that is none is left out: the last one
// may be being written.
func Scan(r io.Reader, each func(model.DecisionRecord)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var record model.DecisionRecord
		if json.Unmarshal(lines.Bytes(), &record) == nil && record.Proxy != "" {
			each(record)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading decisions: %w", err)
	}
	return nil
}
