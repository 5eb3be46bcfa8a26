package authority

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/krater-mesh/krater/disk"
)

// ledger remembers, over restarts, which keys single-use tokens were used for,
// and which keys the members of groups have, until that does not matter any
// more. Using a token again for the same key is a retry whose answer was lost.
type ledger struct {
	clock func() time.Time
	path  string

	mu      sync.Mutex
	file    *os.File
	lines   int
	entries map[string]entry
}

// entry is one line of the file.
type entry struct {
	Name string    `json:"name"` // "token ID" or "member NS/NAME"
	Key  string    `json:"key"`  // a hash of the public key
	End  time.Time `json:"end"`
}

var (
	errUsed  = errors.New("the token may be used once, and was")
	errTaken = errors.New("another machine has this name until its certificate ends")
)

// openLedger reads the file, drops what has ended, and appends from then on.
func openLedger(path string, clock func() time.Time) (*ledger, error) {
	l := &ledger{clock: clock, path: path, entries: map[string]entry{}}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the used tokens: %w", err)
	}
	if err := l.read(text); err != nil {
		return nil, fmt.Errorf("reading the used tokens, %s: %w; put it aside, and every single-use token that was made before then may be used again until it ends", path, err)
	}
	return l, l.compact()
}

// read takes whole lines. The last one, where it is not whole, was being
// written when its writer ended, and nobody had an answer yet.
func (l *ledger) read(text []byte) error {
	if i := bytes.LastIndexByte(text, '\n'); i+1 < len(text) {
		text = text[:i+1]
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Name == "" {
			return fmt.Errorf("line %d is not what Krater wrote", n)
		}
		l.entries[e.Name] = e
	}
	return lines.Err()
}

// compact writes what still matters into a new file.
func (l *ledger) compact() error {
	text, err := l.live()
	if err != nil {
		return fmt.Errorf("writing the used tokens: %w", err)
	}
	if err := disk.Write(l.path, text); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("writing the used tokens: %w", err)
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.lines = f, len(l.entries)
	return nil
}

// live forgets what has ended, and gives the lines of the rest.
func (l *ledger) live() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	now := l.clock()
	for name, entry := range l.entries {
		if !entry.End.After(now) {
			delete(l.entries, name)
		} else if err := e.Encode(entry); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// use takes a single-use token for a key.
func (l *ledger) use(token, key string, end time.Time) error {
	return l.claim(entry{"token " + token, key, end}, errUsed)
}

// bind takes a member's name for a key.
func (l *ledger) bind(member, key string, end time.Time) error {
	return l.claim(entry{"member " + member, key, end}, errTaken)
}

// rebind gives a member's name, if it is one, to the key of its renewed
// certificate.
func (l *ledger) rebind(member, key string, end time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.entries["member "+member]; !ok {
		return nil
	}
	return l.write(entry{"member " + member, key, end})
}

// free gives up a member's name.
func (l *ledger) free(member string) error {
	return l.rebind(member, "", time.Time{})
}

func (l *ledger) claim(e entry, taken error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, ok := l.entries[e.Name]
	if ok && before.Key != e.Key && before.End.After(l.clock()) {
		return taken
	}
	if ok && before.Key == e.Key && !e.End.After(before.End) {
		return nil
	}
	return l.write(e)
}

// write returns once the entry is on the disk: only then may anybody have what
// it stands for.
func (l *ledger) write(e entry) error {
	if l.lines > 1000+2*len(l.entries) {
		if err := l.compact(); err != nil {
			return err
		}
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("writing the used tokens: %w", err)
	}
	l.entries[e.Name] = e
	l.lines++
	return nil
}

func (l *ledger) close() error { return l.file.Close() }

// fingerprint is a public key's, whose certificate may change.
func fingerprint(csr *x509.CertificateRequest) string {
	sum := sha256.Sum256(csr.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}
