package distribution_test

import (
	"os"
	"testing"

	"github.com/krater-mesh/krater/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinaries()
	os.Exit(code)
}
