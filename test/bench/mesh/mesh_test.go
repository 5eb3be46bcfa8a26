package mesh

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake stands for krater: it lays out state as krater does, says that it is
// up, and waits for its end.
const fake = `#!/bin/sh
dir="$KRATER_STATE/m"
mkdir -p "$dir/agents/default.open" "$dir/workloads"
echo $$ | tee "$dir/lock" "$dir/controlplane.pid" "$dir/policyd.pid" "$dir/collector.pid" \
  "$dir/agents/default.open/envoy.pid" "$dir/workloads/default.open.pid" >/dev/null
grep -q 127.80 "$2/mesh.yaml" && { echo "not copied"; exit 1; }
[ -e "$2/left-out.yaml" ] && { echo "not left out"; exit 1; }
echo "mesh m is up: 1 proxies"
trap 'exit 0' INT
while :; do sleep 0.05; done
`

func options(t *testing.T, krater string) Options {
	t.Helper()
	bin, from := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(bin, "krater"):          krater,
		filepath.Join(from, "mesh.yaml"):      "address: 127.80.0.2\nmetrics: 127.0.0.1:9464\n",
		filepath.Join(from, "left-out.yaml"):  "x",
		filepath.Join(from, "unrelated.text"): "x",
	} {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return Options{From: from, Bin: bin, Limit: 10 * time.Second, Edit: func(name, text string) string {
		if name == "left-out.yaml" {
			return ""
		}
		return text
	}}
}

func TestMeshRunsACopyAndEnds(t *testing.T) {
	m, err := Start(context.Background(), options(t, fake))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(m.Dir, "mesh.yaml"))
	if err != nil || !strings.Contains(string(text), m.Network+".0.2") || strings.Contains(string(text), ":9464") {
		t.Errorf("the copy is not in addresses of its own: %s, %v", text, err)
	}
	all, err := m.Processes()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
		if p.PID != m.cmd.Process.Pid {
			t.Errorf("%s has process id %d, want %d", p.Name, p.PID, m.cmd.Process.Pid)
		}
	}
	if got, want := strings.Join(names, ","), "up,controlplane,policyd,collector,envoy default.open,app default.open"; got != want {
		t.Errorf("processes %s, want %s", got, want)
	}
	if _, err := m.Write("edit.yaml", "at: 127.80.0.3\n"); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(filepath.Join(m.Dir, "edit.yaml")); string(text) != "at: "+m.Network+".0.3\n" {
		t.Errorf("the edit reads %q", text)
	}
	if err := m.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(m.root); !os.IsNotExist(err) {
		t.Errorf("its folder is left: %v", err)
	}
}

func TestMeshThatEndsSaysWhy(t *testing.T) {
	_, err := Start(context.Background(), options(t, "#!/bin/sh\necho no envoy; exit 2\n"))
	if err == nil || !strings.Contains(err.Error(), "no envoy") {
		t.Errorf("got %v", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := Start(ctx, options(t, "#!/bin/sh\ntrap 'exit 0' INT\nwhile :; do sleep 0.05; done\n"))
	if err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("got %v", err)
	}
}
