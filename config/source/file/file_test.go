package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/config/source"
	"github.com/krater-mesh/krater/config/source/file"
)

const object = "apiVersion: krater.dev/v1alpha1\nkind: Mesh\nmetadata: {name: NAME}\n"

func mesh(name string) string { return strings.ReplaceAll(object, "NAME", name) }

func TestReadFindsFilesOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "conf/b.yaml", mesh("b")+"---\n"+mesh("b2"))
	write(t, "conf/a.yml", mesh("a"))
	write(t, "conf/deep/er/c.json", `{"apiVersion": "krater.dev/v1alpha1", "kind": "Mesh", "metadata": {"name": "c"}}`)
	write(t, "conf/.git/no.yaml", mesh("no"))
	write(t, "conf/.hidden.yaml", mesh("no"))
	write(t, "conf/notes.txt", "no")
	write(t, "elsewhere/linked.yaml", mesh("linked"))
	link(t, "../elsewhere", "conf/z")
	link(t, "..", "conf/deep/loop")
	link(t, "nowhere", "conf/dangling.yaml")
	write(t, "named-by-hand.txt", mesh("hand"))
	l := read(t, "conf/", "./conf/b.yaml", "named-by-hand.txt")
	var got []string
	for _, o := range l.Objects {
		got = append(got, o.Origin.String()+" "+o.Ref.Name)
	}
	want := "conf/a.yml:1 a, conf/b.yaml:1 b, conf/b.yaml:5 b2, conf/deep/er/c.json:1 c, conf/z/linked.yaml:1 linked, named-by-hand.txt:1 hand"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if len(l.Problems) != 0 || len(l.Incomplete) != 0 {
		t.Errorf("%v, incomplete %v", l.Problems, l.Incomplete)
	}
}

func TestReadGoesOnAfterABadFile(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "broken.yaml", mesh("x")+"---\na: [\n")
	write(t, "good.yaml", mesh("good"))
	write(t, "huge.yaml", "# "+strings.Repeat("x", 10<<20))
	l := read(t, ".")
	if len(l.Objects) != 1 || l.Objects[0].Ref.Name != "good" {
		t.Errorf("%+v", l.Objects)
	}
	if !l.Incomplete["broken.yaml"] || !l.Incomplete["huge.yaml"] || l.Incomplete["good.yaml"] {
		t.Errorf("incomplete %v", l.Incomplete)
	}
	if len(l.Problems) != 2 || l.Problems[0].Origin.String() != "broken.yaml:5" ||
		!strings.HasPrefix(l.Problems[1].String(), "huge.yaml: error [KR0001]: it is larger than 10 MB") {
		t.Errorf("%v", l.Problems)
	}
}

func TestReadFailsForAPathThatIsNotThere(t *testing.T) {
	if _, err := file.New(filepath.Join(t.TempDir(), "no.yaml")).Read(); err == nil || !strings.Contains(err.Error(), "no.yaml: no such file") {
		t.Error(err)
	}
}

func TestReadRefusesWhatIsNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	link(t, "/dev/zero", "zero.yaml")
	l := read(t, ".")
	if len(l.Problems) != 1 || !strings.Contains(l.Problems[0].Message, "it is no regular file") {
		t.Errorf("%v", l.Problems)
	}
}

func read(t *testing.T, paths ...string) source.Listing {
	t.Helper()
	l, err := file.New(paths...).Read()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}
