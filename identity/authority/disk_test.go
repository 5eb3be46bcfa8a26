package authority

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheRootIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	a := open(t, Options{Dir: dir})
	text, _, err := a.Mint(Grant{Workload: "shop/cart"})
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	again := open(t, Options{Dir: dir})
	if again.Bundle().Version() != a.Bundle().Version() {
		t.Error("a restart made another root")
	}
	if _, err := again.Verify(text); err != nil {
		t.Errorf("a restart forgot the key of tokens: %v", err)
	}
}

func TestOnlyItsUserReadsIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	a := open(t, Options{Dir: dir})
	if err := a.Prepare(); err != nil {
		t.Fatal(err)
	}
	if err := a.ledger.use("t", "k", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has the mode %04o, want %04o", path, got, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	file := filepath.Join(dir, "authority.json")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir, TrustDomain: trustDomain}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read is used: %v", err)
	}
}

// TestBrokenFilesLoseNothing: what cannot be read is told, and left alone.
func TestBrokenFilesLoseNothing(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Options{Dir: dir})
	if err := a.ledger.use("t", "k", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	a.Close()
	for file, changes := range map[string]map[string]func(string) string{
		"authority.json": {
			"it is not whole":       func(s string) string { return s[:len(s)/2] },
			"its checksum is wrong": func(s string) string { return strings.Replace(s, "cluster.local", "cluster.lokal", 1) },
			"its format is":         func(s string) string { return strings.Replace(s, "authority/v1", "authority/v9", 1) },
		},
		"used": {
			"line 1 is not what Krater wrote": func(s string) string { return "hello\n" + s },
		},
	} {
		path := filepath.Join(dir, file)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for want, change := range changes {
			bad := change(string(good))
			if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(Options{Dir: dir, TrustDomain: trustDomain})
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v, want %q", file, err, want)
			}
			if strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("the error shows a key: %v", err)
			}
			if left, err := os.ReadFile(path); err != nil || string(left) != bad {
				t.Errorf("%s was changed", file)
			}
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(dir, "authority.json"), filepath.Join(dir, "aside")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir, TrustDomain: trustDomain}); err == nil || !strings.Contains(err.Error(), "bring it back from a copy") {
		t.Errorf("a lost root is replaced without a word: %v", err)
	}
	if err := os.Rename(filepath.Join(dir, "aside"), filepath.Join(dir, "authority.json")); err != nil {
		t.Fatal(err)
	}
	if again := open(t, Options{Dir: dir}); again.Bundle().Version() != a.Bundle().Version() {
		t.Error("something was lost")
	}
}

func TestLedger(t *testing.T) {
	now := newClock()
	path := filepath.Join(t.TempDir(), "used")
	open := func() *ledger {
		l, err := openLedger(path, now.Now)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	end := now.Now().Add(time.Hour)
	for range 3 {
		if err := l.use("a", "key", end); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.use("a", "other", end); err != errUsed {
		t.Errorf("%v", err)
	}
	// A write that a crash cut stands for nothing that anybody has.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"name":"token b","ke`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	l.close()
	l = open()
	if err := l.use("a", "other", end); err != errUsed {
		t.Errorf("after a crash: %v", err)
	}
	if err := l.use("b", "key", end); err != nil {
		t.Errorf("after a crash: %v", err)
	}
	now.set(end)
	if err := l.use("a", "other", end.Add(time.Hour)); err != nil {
		t.Errorf("after its end: %v", err)
	}
	l.close()
	l = open()
	defer l.close()
	if len(l.entries) != 1 || l.lines != 1 {
		t.Errorf("%d entries in %d lines: those that ended are still there", len(l.entries), l.lines)
	}
	l.lines = 2000 // as after many renewals
	if err := l.write(entry{"member a/b", "k", end.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if l.lines > 2 {
		t.Errorf("the file has %d lines for %d entries", l.lines, len(l.entries))
	}
}

// FuzzLedger: a file that is read says the same when it is written and read
// again, and never keeps a used token from being known.
func FuzzLedger(f *testing.F) {
	f.Add([]byte(`{"name":"token a","key":"k","end":"2030-01-01T00:00:00Z"}` + "\n"))
	f.Add([]byte(`{"name":"token a"`))
	now := newClock()
	f.Fuzz(func(t *testing.T, text []byte) {
		l := &ledger{clock: now.Now, entries: map[string]entry{}}
		if l.read(text) != nil {
			return
		}
		lines, err := l.live()
		if err != nil {
			return
		}
		again := &ledger{clock: now.Now, entries: map[string]entry{}}
		if err := again.read(lines); err != nil || len(again.entries) != len(l.entries) {
			t.Errorf("%d entries became %d (%v)", len(l.entries), len(again.entries), err)
		}
	})
}

// FuzzState: a state that is taken can sign.
func FuzzState(f *testing.F) {
	dir := f.TempDir()
	a, err := Open(Options{Dir: dir, TrustDomain: trustDomain})
	if err != nil {
		f.Fatal(err)
	}
	for _, do := range []func() error{a.Prepare, a.Promote} {
		if err := do(); err != nil {
			f.Fatal(err)
		}
	}
	a.Close()
	good := a.kept
	f.Add(good.Roots[0].Certificate, good.Roots[0].Key, good.Roots[0].Cross, "current")
	f.Add(good.Roots[1].Certificate, good.Roots[1].Key, "", "next")
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, cert, key, cross, role string) {
		k := good
		k.Roots = []keptRoot{{Role: role, Certificate: cert, Key: key, Cross: cross}}
		is, b, err := k.inForce()
		if err == nil && (is.cert == nil || is.key == nil || len(b.Roots) == 0 || !is.cert.IsCA) {
			t.Error("half a state was taken")
		}
	})
}
