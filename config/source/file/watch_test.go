package file_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/krater-mesh/krater/config/source/file"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWatchTellsEachChange(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "conf/a.yaml", mesh("a"))
	write(t, "conf/rego.yaml", "apiVersion: krater.dev/v1alpha1\nkind: RegoPolicy\nmetadata: {name: r}\nspec: {modules: [{file: ../policies/r.rego}]}\n")
	write(t, "policies/r.rego", "package a")
	write(t, "single.yaml", mesh("single"))
	changes := watch(t, "conf", "single.yaml")
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"edit", func() { write(t, "conf/a.yaml", mesh("b")) }},
		{"rename and replace, as editors do", func() {
			write(t, "conf/.a.yaml.swp", mesh("c"))
			rename(t, "conf/.a.yaml.swp", "conf/a.yaml")
		}},
		{"new file", func() { write(t, "conf/new.yaml", mesh("d")) }},
		{"new folder", func() { write(t, "conf/sub/one.yaml", mesh("e")) }},
		{"edit in the new folder", func() { write(t, "conf/sub/one.yaml", mesh("f")) }},
		{"remove", func() { remove(t, "conf/new.yaml") }},
		{"remove a folder", func() { remove(t, "conf/sub") }},
		{"Rego in another folder", func() { write(t, "policies/r.rego", "package b") }},
		{"a file given by name, replaced", func() {
			write(t, "single.tmp", mesh("g"))
			rename(t, "single.tmp", "single.yaml")
		}},
		{"a ConfigMap's folder, replaced", func() {
			write(t, "conf/..new/x.yaml", mesh("h"))
			link(t, "..data/x.yaml", "conf/x.yaml")
			link(t, "..new", "conf/..data")
		}},
	} {
		step.do()
		if !told(changes, 5*time.Second) {
			t.Fatalf("%s: no change was told", step.name)
		}
		for told(changes, 100*time.Millisecond) { // what else the step caused
		}
	}
}

func TestWatchIsQuietOtherwise(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "conf/a.yaml", mesh("a"))
	changes := watch(t, "conf")
	write(t, "neighbour.yaml", mesh("b"))
	write(t, "conf/.hidden.yaml", mesh("b"))
	write(t, "other/x", "y")
	if told(changes, 300*time.Millisecond) {
		t.Error("a change was told")
	}
}

// TestWatchIsBounded: a folder that never rests is told nevertheless, and not
// for each event.
func TestWatchIsBounded(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "conf/a.yaml", mesh("a"))
	changes := watch(t, "conf")
	count, end := 0, time.Now().Add(time.Second)
	for events := 0; time.Now().Before(end); events++ {
		write(t, "conf/a.yaml", mesh(fmt.Sprint("a", events)))
		if told(changes, 5*time.Millisecond) {
			count++
		}
	}
	if count < 2 || count > 40 {
		t.Errorf("%d changes were told in a second", count)
	}
}

func TestWatchFailsForAFolderThatIsNotThere(t *testing.T) {
	if err := file.New("/nowhere/at/all").Watch(context.Background(), func() {}); err == nil {
		t.Error("no error")
	}
}

// watch starts watching and waits until a change is seen.
func watch(t *testing.T, paths ...string) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	changes, done := make(chan struct{}, 100), make(chan error, 1)
	go func() { done <- file.New(paths...).Watch(ctx, func() { changes <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for i := range 100 { // the watch starts at its own time
		write(t, paths[0]+"/probe.yaml", mesh(fmt.Sprint("probe", i)))
		if told(changes, 100*time.Millisecond) {
			break
		}
	}
	for told(changes, 100*time.Millisecond) {
	}
	return changes
}

func told(changes <-chan struct{}, within time.Duration) bool {
	select {
	case <-changes:
		return true
	case <-time.After(within):
		return false
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
