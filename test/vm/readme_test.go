package vm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/netns"
	"github.com/krater-mesh/krater/test/readme"
)

// TestTheDatabaseOnAnotherMachineIsTrue executes each step of the sample's
// README, on a network that is the test's own.
func TestTheDatabaseOnAnotherMachineIsTrue(t *testing.T) {
	for _, program := range []string{"mariadbd", "mariadb-install-db", "mariadb", "nsenter", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: run `make mariadb` (Debian: the packages mariadb-server-core, mariadb-client-core and util-linux)", err)
		}
	}
	text, err := os.ReadFile(filepath.Join(harness.Root(), "samples/vm/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps, err := readme.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "kr")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	if err := os.Symlink(filepath.Join(harness.Root(), "samples"), filepath.Join(home, "samples")); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "PATH="+harness.Binaries(t)+":"+os.Getenv("PATH"), "KRATER_STATE="+filepath.Join(home, "s"),
		"TMPDIR="+home, "HOME="+home, "ENVOY="+harness.EnvoyPath(t))
	host := netns.New(t).Host("shop")
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	defer func() { // if the story was not told to its end
		for _, command := range []string{"krater down", "samples/vm/machine.sh stop"} {
			_ = host.Do(func() error {
				c := exec.Command("bash", "-c", command)
				c.Dir, c.Env = home, env
				return c.Run()
			})
		}
	}()
	for _, s := range steps {
		if err := host.Do(func() error { return readme.Run(ctx, s, home, env) }); err != nil {
			log, _ := os.ReadFile(filepath.Join(home, "agent.log"))
			t.Fatalf("%v\nthe agent's log:\n%.8000s", err, log)
		}
	}
}
