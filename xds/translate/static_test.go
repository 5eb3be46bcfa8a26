package translate_test

import (
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"

	"github.com/krater-mesh/krater/xds/translate"
)

func TestStaticRefersToNothing(t *testing.T) {
	c, w := readCase(t, "testdata/authorization-tcp.in.yaml")
	alone := options
	alone.NoIdentity = true
	r, _ := translate.Translate(c.Snapshot, c.Endpoints, w, alone)
	before, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	base := &bootstrapv3.Bootstrap{}
	b, err := translate.Static(r, base)
	if err != nil {
		t.Fatal(err)
	}
	text, err := translate.BootstrapJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{`"ads"`, "configDiscovery", "edsClusterConfig", "vhds"} {
		if strings.Contains(string(text), word) {
			t.Errorf("%s remains in the static form", word)
		}
	}
	if base.StaticResources != nil {
		t.Error("the base was changed")
	}
	if after, _ := r.JSON(); string(after) != string(before) {
		t.Error("the resources were changed")
	}
}

func TestStaticNamesAMissingSlot(t *testing.T) {
	c, w := readCase(t, "testdata/sidecar-http.in.yaml")
	r, _ := translate.Translate(c.Snapshot, c.Endpoints, w, options)
	r.Extensions = r.Extensions[1:]
	if _, err := translate.Static(r, &bootstrapv3.Bootstrap{}); err == nil || !strings.Contains(err.Error(), "nothing is in the slot inbound|127.80.0.2|9080/access-lists") {
		t.Errorf("error %v", err)
	}
}
