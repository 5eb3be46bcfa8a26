package agent

import (
	"strings"
	"testing"
)

func TestAWrongENVOYIsNamed(t *testing.T) {
	t.Setenv("ENVOY", "/no/such/envoy")
	_, err := FindEnvoy()
	if err == nil || !strings.Contains(err.Error(), "/no/such/envoy") {
		t.Fatalf("got %v, want an error that names the path", err)
	}
}

func TestNoEnvoySaysWhatToDo(t *testing.T) {
	t.Setenv("ENVOY", "")
	t.Setenv("PATH", t.TempDir())
	dir := t.TempDir()
	t.Chdir(dir)
	path, err := FindEnvoy()
	if err == nil {
		t.Fatalf("found %s from %s: this test needs a machine with none above its folders", path, dir)
	}
	if !strings.Contains(err.Error(), "make envoy") {
		t.Fatalf("got %v, want what to do", err)
	}
}
