package security_test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/test/harness"
)

// TestSecretsStayWhereTheyBelong looks, in a mesh that runs, for keys and
// tokens in command lines, environments, Envoys' pages for administrators,
// logs and what commands print; and at who may read the files that have them.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	m := harness.StartMesh(t, "test/security/testdata/mesh")
	secrets := privateFiles(t, m.StateDir(t))
	if len(secrets) < 3 {
		t.Errorf("%d private keys were found in the mesh's folder: the authority and two agents have one each", len(secrets))
	}
	look := func(where, text string) {
		t.Helper()
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s shows a private key of the mesh", where)
			}
		}
		if found := looksSecret.FindString(text); found != "" {
			t.Errorf("%s shows what looks like a secret: %.20s…", where, found)
		}
	}
	token, _ := m.Krater(t, "token", "create", "--workload", "default/page")
	if !looksSecret.MatchString(token) {
		t.Errorf("a token was to be made: %q", token)
	}
	envoys := 0
	for _, p := range processes(t, m.State) {
		look("the command line of "+p.name, p.cmdline)
		look("the environment of "+p.name, p.environ)
		if strings.Contains(p.name, "envoy") {
			envoys++
		}
	}
	if envoys != 2 {
		t.Errorf("%d Envoys were looked at, not 2", envoys)
	}
	for _, host := range []string{"2", "3"} {
		for _, page := range []string{"config_dump?include_eds", "certs", "server_info", "stats"} {
			url := fmt.Sprintf("http://%s.0.%s:15000/%s", m.Network, host, page)
			look(url, get(t, url))
		}
	}
	look("the log", m.Log.String())
	for _, args := range [][]string{{"status", "-o", "json"}, {"ca", "show", "-o", "json"}, {"translate", m.Dir, "--proxy", "cart"}} {
		out, _ := m.Krater(t, args...)
		if len(out) < 100 {
			t.Errorf("krater %s says nothing: %q", strings.Join(args, " "), out)
		}
		look("krater "+strings.Join(args, " "), out)
	}
}

// looksSecret is a private key in PEM, or a token.
var looksSecret = regexp.MustCompile(`PRIVATE KEY-----(\\n|\s)*[A-Za-z0-9+/=]{20}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}`)

// keyBody is the middle of a private key: in JSON a line's end is \n.
var keyBody = regexp.MustCompile(`PRIVATE KEY-----(?:\\n|\s)+([A-Za-z0-9+/]{40,64})`)

// privateFiles gives the private keys in a folder; what has one must be its
// user's only, as the folder.
func privateFiles(t *testing.T, dir string) (keys []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() && !d.IsDir() && d.Type() != fs.ModeSocket {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil // it has gone
		}
		if path == dir && info.Mode().Perm()&0o077 != 0 || d.Type() == fs.ModeSocket && info.Mode().Perm()&0o022 != 0 { // to write is to connect
			t.Errorf("%s may be used by others: %v", path, info.Mode())
		}
		if !d.Type().IsRegular() || info.Size() > 8<<20 {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		for _, m := range keyBody.FindAllStringSubmatch(string(text), -1) {
			keys = append(keys, m[1])
		}
		if looksSecret.Match(text) && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has a secret, and may be read by others: %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// process is one of the mesh's.
type process struct{ name, cmdline, environ string }

// processes are those that belong to a folder of state.
func processes(t *testing.T, state string) (out []process) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		environ, _ := os.ReadFile(dir + "/environ")
		if !strings.Contains(string(cmdline)+string(environ), state) {
			continue
		}
		args := strings.Split(string(cmdline), "\x00")
		out = append(out, process{filepath.Base(args[0]) + " " + filepath.Base(dir), string(cmdline), string(environ)})
	}
	return out
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, res.StatusCode, err)
	}
	if strings.HasPrefix(string(body), "{") && !json.Valid(body) {
		t.Errorf("%s is cut", url)
	}
	return string(body)
}
