package registrar

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

const patience = 10 * time.Second

func group(labels map[string]string) *model.WorkloadGroup {
	return &model.WorkloadGroup{Object: model.Ref{Kind: "WorkloadGroup", Namespace: "vm", Name: "db"}, Labels: labels,
		Template: model.Endpoint{ServiceAccount: "db", Ports: map[string]uint32{"mysql": 3306}}}
}

var (
	here  = netip.MustParseAddr("10.0.0.7")
	there = netip.MustParseAddr("10.0.0.8")
)

func open(t *testing.T, dir string, grace time.Duration) *Registrar {
	t.Helper()
	r, err := Open(Options{Dir: dir, Grace: grace, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func join(t *testing.T, r *Registrar, g *model.WorkloadGroup, a netip.Addr) (left func()) {
	t.Helper()
	left, err := r.Join(g, a)
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// entry is a member's file, nil if there is none.
func entry(t *testing.T, dir, name string) *crds.Registration {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := crds.ReadRegistration(text)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	return &r
}

func gone(t *testing.T, dir, name string) {
	t.Helper()
	for end := time.Now().Add(patience); entry(t, dir, name) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s stays", name)
		}
	}
}

const file = "vm.db-10-0-0-7.yaml"

func TestAMemberIsDeclaredWhileItIsConnected(t *testing.T) {
	dir := t.TempDir()
	removed := make(chan string, 1)
	r, err := Open(Options{Dir: dir, Grace: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), Removed: func(namespace, name string) { removed <- namespace + " " + name }})
	if err != nil {
		t.Fatal(err)
	}
	left := join(t, r, group(nil), here)
	if e := entry(t, dir, file); e == nil || e.Address != "10.0.0.7" || !e.Disconnected.IsZero() || e.Health != nil {
		t.Fatalf("%+v", e)
	}
	if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	left()
	left() // once more counts for nothing
	gone(t, dir, file)
	if got := <-removed; got != "vm db-10-0-0-7" {
		t.Errorf("told of %q", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("files are left: %v %v", left, err)
	}
}

func TestAMemberThatComesBackInTimeStays(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, time.Hour)
	first := join(t, r, group(nil), here)
	second := join(t, r, group(nil), here) // a new stream begins before the old one ends
	first()
	if e := entry(t, dir, file); e == nil || !e.Disconnected.IsZero() {
		t.Fatalf("%+v", e)
	}
	second()
	if e := entry(t, dir, file); e == nil || e.Disconnected.IsZero() {
		t.Fatalf("it is not told that it went: %+v", e)
	}
	join(t, r, group(nil), here)
	if e := entry(t, dir, file); e == nil || !e.Disconnected.IsZero() {
		t.Fatalf("%+v", e)
	}
}

func TestARestartKeepsMembersForTheGrace(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, time.Hour)
	leave := join(t, r, group(nil), here)
	join(t, r, group(nil), there)
	r.Health("vm/db-10-0-0-7", false, "no disk")
	r.Close()
	leave() // its stream ends with the control plane: that is not its doing
	if e := entry(t, dir, file); e == nil || !e.Disconnected.IsZero() {
		t.Fatalf("%+v", e)
	}

	r = open(t, dir, 50*time.Millisecond)
	r.SetGroups([]*model.WorkloadGroup{group(nil)})
	r.Start()
	join(t, r, group(nil), here)
	gone(t, dir, "vm.db-10-0-0-8.yaml")
	if e := entry(t, dir, file); e == nil || e.Health == nil || e.Health.Healthy || e.Health.Message != "no disk" {
		t.Fatalf("%+v", e)
	}
}

func TestHealthIsWrittenWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, time.Hour)
	if r.Health("vm/db-10-0-0-7", true, "") {
		t.Error("the health of a workload that did not register itself is taken")
	}
	join(t, r, group(nil), here)
	var since time.Time
	for i, c := range []struct {
		healthy bool
		message string
		changes bool
	}{{false, "starting", true}, {false, "starting", false}, {false, "still starting", true}, {true, "", true}, {true, "", false}} {
		before, err := os.Stat(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if !r.Health("vm/db-10-0-0-7", c.healthy, c.message) {
			t.Fatal("it is not taken")
		}
		after, err := os.Stat(filepath.Join(dir, file))
		if err != nil || os.SameFile(before, after) == c.changes {
			t.Errorf("%d: written: %v, want %v; %v", i, !os.SameFile(before, after), c.changes, err)
		}
		e := entry(t, dir, file)
		if e.Health.Healthy != c.healthy || e.Health.Message != c.message {
			t.Errorf("%d: %+v", i, e.Health)
		}
		if i > 0 && i < 3 && !e.Health.Since.Equal(since) {
			t.Error("it is unhealthy since another time")
		}
		since = e.Health.Since
	}
	r.Health("vm/db-10-0-0-7", false, strings.Repeat("x", 10*maxMessage))
	if e := entry(t, dir, file); len(e.Health.Message) > maxMessage {
		t.Errorf("%d bytes are kept", len(e.Health.Message))
	}
}

func TestMembersFollowTheirGroup(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, time.Hour)
	left := join(t, r, group(map[string]string{"app": "db"}), here)
	r.SetGroups([]*model.WorkloadGroup{group(map[string]string{"app": "mysql"})})
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil || !strings.Contains(string(text), "app: mysql") {
		t.Errorf("%s %v", text, err)
	}
	r.SetGroups(nil)
	gone(t, dir, file)
	left()
	if e := entry(t, dir, file); e != nil {
		t.Errorf("its end brought it back: %+v", e)
	}
}

func TestOtherFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(mine, []byte("kind: WorkloadEntry\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir, time.Nanosecond)
	r.Start()
	r.SetGroups(nil)
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

// TestAMemberThatReportsWithoutEndIsWrittenNowAndThen, and what it said last
// counts.
func TestAMemberThatReportsWithoutEndIsWrittenNowAndThen(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, time.Hour)
	join(t, r, group(nil), here)
	began, writes := time.Now(), 0
	for i := range 300 {
		before, err := os.Stat(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		r.Health("vm/db-10-0-0-7", i%2 == 0, fmt.Sprint(i))
		if after, err := os.Stat(filepath.Join(dir, file)); err != nil || !os.SameFile(before, after) {
			writes++
		}
	}
	if most := reportsAtOnce + 2 + 2*int(time.Since(began)/reportsEvery); writes > most {
		t.Errorf("%d reports in %s were written %d times, the most is %d", 300, time.Since(began), writes, most)
	}
	for end := time.Now().Add(patience); entry(t, dir, file).Health.Message != "299"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("what was said last is not written: %+v", entry(t, dir, file).Health)
		}
	}
}
