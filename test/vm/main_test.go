// Package vm tests machines that register themselves: real Envoys, real
// agents and a real MariaDB, each machine a network namespace of its own.
package vm

import (
	"os"
	"testing"

	"github.com/krater-mesh/krater/test/netns"
)

func TestMain(m *testing.M) { os.Exit(netns.Main(m)) }
