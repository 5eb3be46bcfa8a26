package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestTheManualOfInject runs the page's command on the page's Deployment, and
// looks for what the page says comes out.
func TestTheManualOfInject(t *testing.T) {
	page, err := os.ReadFile("../../docs/inject.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	var command []string
	var wanted []string
	for _, m := range regexp.MustCompile("(?ms)^```(?:sh|yaml) (\\S+)\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		switch m[1] {
		case "inject":
			command = strings.Fields(m[2])[1:]
		case "out":
			wanted = append(wanted, m[2])
		default:
			if err := os.WriteFile(m[1], []byte(m[2]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	out, said := runInject(t, command[1:]...)
	if said != "" || len(wanted) < 2 {
		t.Errorf("it says %q; %d blocks of what is wanted", said, len(wanted))
	}
	for _, w := range wanted {
		if !strings.Contains(out, w) {
			t.Errorf("want\n%s\nin\n%s", w, out)
		}
	}
}

// TestInjectedCommandsAreKraters: the command lines of what is injected are
// read by this binary.
func TestInjectedCommandsAreKraters(t *testing.T) {
	found := 0
	for _, name := range []string{"annotations", "deployment", "mesh-defaults"} {
		out, _ := runInject(t, "-f", filepath.Join("../../agent/inject/testdata", name+".in.yaml"), "--image", "i")
		var pod struct {
			Spec podSpec `json:"spec"`
		}
		var template struct {
			Spec struct {
				Template struct {
					Spec podSpec `json:"spec"`
				} `json:"template"`
			} `json:"spec"`
		}
		if yaml.Unmarshal([]byte(out), &pod) != nil || yaml.Unmarshal([]byte(out), &template) != nil {
			t.Fatal(out)
		}
		for _, s := range []podSpec{pod.Spec, template.Spec.Template.Spec} {
			for _, c := range append(s.Containers, s.InitContainers...) {
				if !strings.HasPrefix(c.Name, "krater-") {
					continue
				}
				found++
				cmd, rest, err := newRoot().Find(c.Args)
				if err == nil {
					err = cmd.ParseFlags(rest)
				}
				if err == nil && len(cmd.Flags().Args()) > 0 {
					t.Errorf("%s %s: arguments are left: %q", name, c.Name, cmd.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s %s: krater %s: %v", name, c.Name, strings.Join(c.Args, " "), err)
				}
			}
		}
	}
	if found != 6 {
		t.Errorf("%d containers", found)
	}
}

type podSpec struct {
	Containers, InitContainers []struct {
		Name string
		Args []string
	}
}

func runInject(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetErr(&said)
	root.SetArgs(append([]string{"inject"}, args...))
	if err := root.Execute(); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	return out.String(), said.String()
}
