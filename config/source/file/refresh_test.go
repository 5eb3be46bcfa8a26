package file_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/source/file"
)

// TestWhatDidNotChangeIsNotReadAgain: its Objects are the same.
func TestWhatDidNotChangeIsNotReadAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.yaml", mesh("a"))
	write(t, "b.yaml", mesh("b")+"---\n"+mesh("c"))
	s := file.New(".")
	before := list(t, s)
	write(t, "b.yaml", mesh("x")+"---\n"+mesh("c")) // of the same size, perhaps within one tick of the clock
	after := list(t, s)
	if after.Objects[0] != before.Objects[0] || after.Objects[2] != before.Objects[2] {
		t.Error("what did not change was read again")
	}
	if after.Objects[1].Ref.Name != "x" {
		t.Errorf("an edit was not seen: %v", after.Objects[1].Ref)
	}
}

// TestAHalfWrittenFileTakesNothingDown: what it declared stays until it is
// closed, however slow its writer is.
func TestAHalfWrittenFileTakesNothingDown(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "conf/a.yaml", mesh("a")+"---\n"+mesh("b"))
	s := file.New("conf")
	got := follow(t, s)
	await(t, got, "a b")
	f, err := os.Create("conf/a.yaml") // empty now
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{mesh("new"), "---\n", mesh("b")} {
		time.Sleep(60 * time.Millisecond)
		if names := got.names(); names != "a b" {
			t.Errorf("half of the file is in force: %s", names)
		}
		if _, err := f.WriteString(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, got, "new b")
}

// TestAHalfWrittenPolicyIsNotTold: a Rego file is told when it is closed, once.
func TestAHalfWrittenPolicyIsNotTold(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "conf/rego.yaml", "apiVersion: krater.dev/v1alpha1\nkind: RegoPolicy\nmetadata: {name: r}\nspec: {modules: [{file: r.rego}]}\n")
	write(t, "conf/r.rego", "package a\ndeny := true")
	changes := watch(t, "conf")
	s := file.New("conf")
	if _, err := s.ReadFile("conf/r.rego"); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create("conf/r.rego")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if told(changes, 50*time.Millisecond) {
			t.Error("half of the policy was told")
		}
		if text, err := s.ReadFile("conf/r.rego"); err != nil || string(text) != "package a\ndeny := true" {
			t.Errorf("half of the policy was read: %q, %v", text, err)
		}
		if _, err := f.WriteString("package a\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if !told(changes, 5*time.Second) || told(changes, 100*time.Millisecond) {
		t.Error("the policy was not told once")
	}
}

// TestOneEditIsToldOnce: an editor's write and rename are several events.
func TestOneEditIsToldOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "conf/a.yaml", mesh("a"))
	changes := watch(t, "conf")
	for i := range 5 {
		write(t, "conf/.a.yaml.swp", mesh(fmt.Sprint("b", i)))
		rename(t, "conf/.a.yaml.swp", "conf/a.yaml")
		if !told(changes, 5*time.Second) {
			t.Fatal("an edit was not told")
		}
		if told(changes, 100*time.Millisecond) {
			t.Error("one edit was told twice")
		}
	}
}

// TestNoContentIsLost: whatever happens to the files, and however fast, the
// last Read that was caused by the watch is of what there is.
func TestNoContentIsLost(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "conf/a.yaml", mesh("a"))
	random := rand.New(rand.NewPCG(7, 8))
	s := file.New("conf")
	got := follow(t, s)
	for round := range 25 {
		for range 1 + random.IntN(8) {
			change(t, random)
			if random.IntN(2) == 0 {
				time.Sleep(time.Duration(random.IntN(12)) * time.Millisecond)
			}
		}
		want := names(list(t, file.New("conf")))
		for end := time.Now().Add(5 * time.Second); got.names() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("round %d: there is %q, and %q was read last", round, want, got.names())
			}
		}
	}
}

// change does one of the things that happen to files.
func change(t *testing.T, random *rand.Rand) {
	folder := []string{"conf", "conf/x", "conf/x/y"}[random.IntN(3)]
	path := fmt.Sprintf("%s/%d.yaml", folder, random.IntN(3))
	text := mesh(fmt.Sprint("m", random.IntN(1000)))
	switch random.IntN(6) {
	case 0, 1:
		write(t, path, text)
	case 2, 3:
		write(t, "conf/beside.tmp", text)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		rename(t, "conf/beside.tmp", path)
	case 4:
		remove(t, path)
	case 5:
		remove(t, "conf/x")
	}
}

// followed is what somebody who listens to a Watch knows.
type followed struct {
	mu   sync.Mutex
	last string
}

func (f *followed) names() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

func follow(t *testing.T, s *file.Source) *followed {
	t.Helper()
	f := &followed{last: names(list(t, s))}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- s.Watch(ctx, func() {
			l, err := s.Read()
			if err != nil {
				t.Error(err)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.last = names(l)
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

func await(t *testing.T, f *followed, want string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); f.names() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q was read, want %q", f.names(), want)
		}
	}
	time.Sleep(50 * time.Millisecond) // the watch is on
}

func names(l source.Listing) string {
	var out []string
	for _, o := range l.Objects {
		out = append(out, o.Ref.Name)
	}
	return strings.Join(out, " ")
}

func list(t *testing.T, s *file.Source) source.Listing {
	t.Helper()
	l, err := s.Read()
	if err != nil {
		t.Fatal(err)
	}
	return l
}
