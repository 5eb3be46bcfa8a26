package rotation_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// TestTheCommandsRotateARunningMesh replaces the root of `krater up` by the
// commands of the manual, agents and control plane and all, while calls go on.
func TestTheCommandsRotateARunningMesh(t *testing.T) {
	m := harness.StartMesh(t, "test/rotation")
	w := &world{t: t, snapshot: declared(t, m.Dir)}
	application(t, w.workload("cart"))
	l := w.start(t)
	first := map[string]string{}
	for _, name := range []string{"page", "cart"} {
		first[name] = serial(t, w.workload(name))
	}
	for _, step := range []string{"prepare", "promote"} {
		if out, code := m.Krater(t, "ca", "rotate", step); code != 0 {
			t.Fatalf("%s: %s\n%s", step, out, m.Log)
		}
	}
	if out, code := m.Krater(t, "ca", "rotate", "retire"); code == 0 {
		t.Errorf("the old root is retired while what it signed is good: %s", out)
	}
	harness.Until(t, 60*time.Second, "certificates of the new root", func() error {
		for name, before := range first {
			if serial(t, w.workload(name)) == before {
				return fmt.Errorf("%s shows its first one", name)
			}
		}
		return nil
	})
	if out, code := m.Krater(t, "ca", "rotate", "retire", "--force"); code != 0 {
		t.Fatalf("retire: %s\n%s", out, m.Log)
	}
	harness.Until(t, 10*time.Second, "one root", func() error {
		for name := range first {
			if n := roots(t, w.workload(name)); n != 1 {
				return fmt.Errorf("%s trusts %d", name, n)
			}
		}
		return nil
	})
	l.more(t)
	l.end(t)
}

// declared is what a folder declares, as `krater up` has it.
func declared(t *testing.T, dir string) *model.Snapshot {
	t.Helper()
	st, err := stages.Open([]string{dir}, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	result, err := st.Run(t.Context())
	if err != nil || result.Problems.HasErrors() {
		t.Fatal(err, result.Problems)
	}
	return result.Snapshot
}

// certificates is Envoy's page of them.
type certificates struct {
	Certificates []struct {
		Roots []struct{} `json:"ca_cert"`
		Chain []struct {
			Serial string `json:"serial_number"`
		} `json:"cert_chain"`
	} `json:"certificates"`
}

func shown(t *testing.T, w model.Workload) (out certificates) {
	t.Helper()
	res, err := http.Get("http://" + net.JoinHostPort(w.Address, "15000") + "/certs")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || len(out.Certificates) == 0 {
		t.Fatalf("%s has no certificate: %v", w.ID(), err)
	}
	return out
}

func serial(t *testing.T, w model.Workload) string {
	for _, c := range shown(t, w).Certificates {
		if len(c.Chain) > 0 {
			return c.Chain[0].Serial
		}
	}
	t.Fatalf("%s shows no certificate", w.ID())
	return ""
}

// roots is how many a workload's Envoy trusts at most.
func roots(t *testing.T, w model.Workload) (most int) {
	for _, c := range shown(t, w).Certificates {
		most = max(most, len(c.Roots))
	}
	return most
}
