package vm

import (
	"testing"

	"github.com/krater-mesh/krater/filters/sdk"
)

func TestChoose(t *testing.T) {
	two := []sdk.Root{{ID: "a"}, {ID: "b"}}
	if r, err := choose(two, "b"); err != nil || r.ID != "b" {
		t.Errorf("chose %q, %v", r.ID, err)
	}
	if _, err := choose(two, "c"); err == nil || err.Error() != "no such root; the module has: a b" {
		t.Errorf("an unknown root says %v", err)
	}
	if _, err := choose([]sdk.Root{{}}, "anything"); err != nil {
		t.Errorf("a module's only root refuses: %v", err)
	}
	if _, err := choose([]sdk.Root{{ID: "a"}}, ""); err == nil {
		t.Error("a named root answers to no name")
	}
}
