package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// tiny runs the mesh of testdata/tiny: one program, which leaves a child behind.
func tiny(t *testing.T, flags ...string) *harness.Mesh {
	t.Helper()
	m := small(t, "tiny")
	m.Start(t, flags...)
	return m
}

const second = `
  - name: two
    command: [testapp, added]
    address: 127.80.0.2
    ports: [{name: http, port: 8080, protocol: HTTP}]
`

// TestProgramsFollowTheMesh kills, adds, edits and removes a workload's
// program while the mesh runs.
func TestProgramsFollowTheMesh(t *testing.T) {
	m := tiny(t)
	one, two := "http://"+m.Network+".0.1:8080/", "http://"+m.Network+".0.2:8080/"
	saysArgs := func(t *testing.T, url, want string) {
		t.Helper()
		harness.Until(t, 20*time.Second, url+" from a program with "+want, func() error {
			a, err := ask("GET", url, "")
			if err != nil || a.status != 200 {
				return fmt.Errorf("%d %s (%v)", a.status, a.body, err)
			}
			if got := fmt.Sprint(seen(t, a.body).Args); got != want {
				return fmt.Errorf("its arguments are %s", got)
			}
			return nil
		})
	}
	saysArgs(t, one, "[first]")

	t.Run("killed", func(t *testing.T) {
		var pauses []string
		for i := range 3 {
			before := kill(t, m, "workloads/default.one.pid")
			harness.Until(t, 10*time.Second, "the program's next start", func() error {
				if pid := m.PID(t, "workloads/default.one.pid"); pid == 0 || pid == before {
					return fmt.Errorf("process %d", pid)
				}
				return nil
			})
			saysArgs(t, one, "[first]")
			pauses = pausesOf(m.Log.String())
			if len(pauses) != i+1 {
				t.Fatalf("after %d kills the log tells of the pauses %v", i+1, pauses)
			}
		}
		if want := []string{"100ms", "200ms", "400ms"}; !slices.Equal(pauses, want) {
			t.Errorf("the pauses were %v, want %v", pauses, want)
		}
		if n := strings.Count(m.Log.String(), "one | default/one starts with [\"first\"]\n"); n != 4 {
			t.Errorf("the program's greeting is in the log %d times with its prefix, want 4", n)
		}
	})
	t.Run("edited", func(t *testing.T) {
		m.Edit(t, "mesh.yaml", "[testapp, first]", "[testapp, edited]")
		saysArgs(t, one, "[edited]")
	})
	t.Run("added and removed", func(t *testing.T) {
		m.Restore(t, "mesh.yaml")
		text := strings.ReplaceAll(second, "127.80.", m.Network+".")
		m.Edit(t, "mesh.yaml", "  - name: one\n", strings.TrimPrefix(text, "\n")+"  - name: one\n")
		saysArgs(t, two, "[added]")
		if a, err := askThrough("http://"+m.Network+".0.1:15001", "GET", "http://two:8080/", nil); err != nil || a.status != 200 {
			t.Errorf("the added workload is called with %d, %v", a.status, err)
		}
		program, proxy := m.PID(t, "workloads/default.two.pid"), m.PID(t, "agents/default.two/envoy.pid")
		m.Edit(t, "mesh.yaml", strings.TrimPrefix(text, "\n"), "")
		harness.Until(t, 20*time.Second, "the removed workload's end", func() error { return allGone([]int{program, proxy}) })
		harness.Until(t, 10*time.Second, "the mesh without it", func() error {
			var status struct{ Proxies []struct{ ID string } } // its agent may be among those refused: it came back once too often
			m.KraterJSON(t, &status, "status")
			if len(status.Proxies) != 1 || status.Proxies[0].ID != "default/one" {
				return fmt.Errorf("the proxies are %v", status.Proxies)
			}
			return nil
		})
		saysArgs(t, one, "[edited]")
	})
}

// pausesOf are the pauses before a program's next start, from krater's log.
func pausesOf(log string) []string {
	var out []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "process=default/one") {
			_, pause, _ := strings.Cut(strings.TrimSpace(line), " in=")
			out = append(out, pause)
		}
	}
	return out
}

// TestNothingIsLeftRunning ends a mesh in each way, and looks for what it
// started: Envoys, programs, and the programs' own children.
func TestNothingIsLeftRunning(t *testing.T) {
	for name, end := range map[string]struct {
		signal   syscall.Signal
		flags    []string
		children bool // also of programs
	}{
		"Ctrl-C":                 {syscall.SIGINT, nil, true},
		"Ctrl-C, separate parts": {syscall.SIGINT, []string{"--separate"}, true},
		"kill -9":                {syscall.SIGKILL, []string{"--separate"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := small(t, "tiny")
			if end.children {
				m.Edit(t, "mesh.yaml", "    command: [testapp, first]", "    command: [testapp, first]\n    env: {CHILD: one}")
			}
			m.Start(t, end.flags...)
			krater := m.PID(t, "lock")
			var pids []int
			harness.Until(t, 10*time.Second, "all processes", func() error {
				pids = descendants(t, krater)
				want := 2 + len(end.flags)*3 // an Envoy, a program, and the parts
				if end.children {
					want++
				}
				if len(pids) != want {
					return fmt.Errorf("%d processes, want %d", len(pids), want)
				}
				return nil
			})
			if err := syscall.Kill(krater, end.signal); err != nil {
				t.Fatal(err)
			}
			harness.Until(t, 10*time.Second, "their end", func() error { return allGone(append(pids, krater)) })
		})
	}
}

// descendants are the processes below one.
func descendants(t *testing.T, root int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("no /proc on this system")
	}
	children := map[int][]int{}
	for _, file := range stats {
		if pid, _, parent := processStat(file); pid != 0 {
			children[parent] = append(children[parent], pid)
		}
	}
	var out []int
	for next := []int{root}; len(next) > 0; next = next[1:] {
		out = append(out, children[next[0]]...)
		next = append(next, children[next[0]]...)
	}
	return out
}

// processStat reads /proc/PID/stat.
func processStat(file string) (pid int, state string, parent int) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, "", 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0, "", 0
	}
	pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(file)))
	parent, _ = strconv.Atoi(fields[1])
	return pid, fields[0], parent
}

// allGone is nil where each of the processes has ended; one that only waits
// for its parent's notice has.
func allGone(pids []int) error {
	for _, pid := range pids {
		if _, state, _ := processStat(fmt.Sprintf("/proc/%d/stat", pid)); state != "" && state != "Z" {
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			return fmt.Errorf("process %d (%s) is there", pid, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return nil
}

// TestOneMeshRunsOnce starts a mesh detached, refuses it a second time, and
// ends it.
func TestOneMeshRunsOnce(t *testing.T) {
	m := small(t, "tiny")
	up := m.Command("up", m.Dir, "--detach")
	out, err := up.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is up: 1 proxies synced") {
		t.Fatalf("krater up --detach: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = m.Command("down", m.Dir).Run() }) // where the test failed before
	pid := m.PID(t, "lock")
	pids := append(descendants(t, pid), pid)

	for _, args := range [][]string{{"up", m.Dir}, {"up", m.Dir, "--detach"}} {
		refused := m.Command(args...)
		out, err := refused.CombinedOutput()
		want := fmt.Sprintf("the mesh is already running as process %d: `krater status` shows it, `krater down` ends it", pid)
		if _, exited := err.(*exec.ExitError); !exited || refused.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), want) {
			t.Errorf("krater %s: exit code %d, want 2 and %q:\n%s", strings.Join(args, " "), refused.ProcessState.ExitCode(), want, out)
		}
	}
	wantStatus(t, 10*time.Second, 200, "GET", "http://"+m.Network+".0.1:8080/", "")

	if out, code := m.Krater(t, "down", m.Dir); code != 0 || !strings.Contains(out, "has ended") {
		t.Errorf("krater down: exit code %d\n%s", code, out)
	}
	harness.Until(t, 5*time.Second, "the end of everything", func() error { return allGone(pids) })
	if _, code := m.Krater(t, "down", m.Dir); code != 2 {
		t.Errorf("krater down with no mesh: exit code %d, want 2", code)
	}
	again, err := m.Command("up", m.Dir, "--detach").CombinedOutput()
	if err != nil {
		t.Errorf("the mesh does not start again: %v\n%s", err, again)
	}
}
