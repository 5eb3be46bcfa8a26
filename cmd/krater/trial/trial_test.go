package trial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/krater-mesh/krater/filters/sandbox"
	"github.com/krater-mesh/krater/filters/verify/assemble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func file(t *testing.T, code []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "filter.wasm")
	if err := os.WriteFile(name, code, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAGoodFilterIsTried(t *testing.T) {
	r, err := Run(t.Context(), Options{Filter: sandbox.Filter{File: file(t, assemble.Filter().Bytes())}, Requests: 3 * len(forms)})
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() || r.Requests != 3*len(forms) || r.Statuses[200] < 3*(len(forms)-1) || r.StartTime == 0 || r.MemoryAfter == 0 {
		t.Errorf("%+v", r)
	}
}

func TestATrapIsFound(t *testing.T) {
	m := assemble.Filter()
	m.Funcs[assemble.RequestHeaders].Body = []byte{assemble.Unreachable}
	r, err := Run(t.Context(), Options{Filter: sandbox.Filter{File: file(t, m.Bytes())}})
	if err != nil {
		t.Fatal(err)
	}
	if r.OK() || !strings.Contains(r.Findings[0].Message, "traps in request 1 (plain)") || len(r.Log) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestWhatEnvoyRefusesIsFound(t *testing.T) {
	m := assemble.Filter()
	m.Imports = []assemble.Import{{Module: "env", Name: "nothing", Type: ":"}}
	r, err := Run(t.Context(), Options{Filter: sandbox.Filter{File: file(t, m.Bytes())}})
	if err != nil {
		t.Fatal(err)
	}
	if r.OK() || !strings.Contains(r.Findings[0].Message, "env.nothing") {
		t.Errorf("%+v", r)
	}
}
