package mesh

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// What the files to copy say, and a running mesh has others for.
const (
	declared        = "127.80."
	declaredMetrics = "127.0.0.1:9464"
)

func (m *Mesh) copy(o Options) error {
	metrics, err := freePort()
	if err != nil {
		return err
	}
	replace := strings.NewReplacer(declared, m.Network+".", declaredMetrics, fmt.Sprintf("127.0.0.1:%d", metrics))
	err = filepath.WalkDir(o.From, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || strings.Contains(path, "testdata/golden") {
			return err
		}
		name, err := filepath.Rel(o.From, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(b)
		if o.Edit != nil {
			text = o.Edit(name, text)
		}
		if text == "" {
			return nil
		}
		to := filepath.Join(m.Dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, []byte(replace.Replace(text)), 0o644)
	})
	if err != nil {
		return fmt.Errorf("copying %s: %w", o.From, err)
	}
	return nil
}

// freeNetwork gives a "127.x" whose first addresses nothing listens on.
func freeNetwork() (string, error) {
	start := rand.IntN(150)
	for i := range 150 {
		network := fmt.Sprintf("127.%d", 90+(start+i)%150)
		if free(network+".0.1:15000") && free(network+".0.2:15000") {
			return network, nil
		}
	}
	return "", fmt.Errorf("no network within 127.0.0.0/8 is free")
}

func free(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
