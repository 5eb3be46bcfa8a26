package draw_test

import (
	"encoding/json"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/test/draw"
)

// TestDrawnObjectsAreValid: each reads without an error.
func TestDrawnObjectsAreValid(t *testing.T) {
	w := draw.Shop()
	w.Secrets, w.Certificate, w.Key, w.CA = []string{"cert"}, "/etc/certs/cert.pem", "/etc/certs/key.pem", "/etc/certs/ca.pem"
	kinds, failed := map[string]int{}, 0
	for i := range 300 {
		for _, o := range draw.New(1, i).Objects(w) {
			kinds[o.(map[string]any)["kind"].(string)]++
			text, err := yaml.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			objects, _, problems := crds.Parse("drawn.yaml", text)
			for _, parsed := range objects {
				_, ps := crds.Convert(parsed, crds.Options{})
				problems = append(problems, ps...)
			}
			if problems.HasErrors() {
				if failed++; failed > 5 {
					t.FailNow()
				}
				t.Errorf("draw %d: %v\n%s", i, problems, text)
			}
		}
	}
	for _, k := range []string{"VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "WorkloadEntry", "Sidecar"} {
		if kinds[k] < 30 {
			t.Errorf("%d objects of kind %s only", kinds[k], k)
		}
	}
}

// TestDrawingRepeats: the same numbers give the same objects.
func TestDrawingRepeats(t *testing.T) {
	for i := range 50 {
		a, _ := json.Marshal(draw.New(7, i).Objects(draw.Shop()))
		b, _ := json.Marshal(draw.New(7, i).Objects(draw.Shop()))
		if string(a) != string(b) {
			t.Fatalf("draw %d differs:\n%s\n%s", i, a, b)
		}
	}
}
