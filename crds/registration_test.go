package crds_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// registered is a registration that says all that one can say.
func registered() crds.Registration {
	return crds.Registration{
		Group: &model.WorkloadGroup{
			Object: model.Ref{Kind: "WorkloadGroup", Namespace: "shop", Name: "db"}, Labels: map[string]string{"app": "db"},
			Annotations: map[string]string{"prometheus.io/scrape": "true"}, Probe: &model.Probe{},
			Template: model.Endpoint{Ports: map[string]uint32{"mysql": 3306}, ServiceAccount: "db", Weight: 7, Network: "vms", Locality: "eu/a"},
		},
		Address: "10.1.0.2", Connected: time.Unix(1e9, 5), Disconnected: time.Unix(2e9, 0),
		Health: &crds.Health{Message: "connection refused", Since: time.Unix(1.5e9, 0)},
	}
}

func TestWhatARegistrationDeclares(t *testing.T) {
	text, err := registered().WorkloadEntry()
	if err != nil {
		t.Fatal(err)
	}
	objects, _, problems := crds.Parse("db.yaml", text)
	if len(problems) > 0 || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), problems)
	}
	e, problems := crds.Convert(objects[0], crds.Options{})
	if len(problems) != 1 || problems[0].Code != model.CodeNotWell {
		t.Fatal(problems)
	}
	w := e.Content.Workload
	if e.Ref.String() != "WorkloadEntry shop/db-10-1-0-2" || w.Group != "db" || !w.Agent || w.Metrics == nil {
		t.Errorf("%s: %+v", e.Ref, w)
	}
	p := w.Endpoint
	if p.Address != "10.1.0.2" || p.Ports["mysql"] != 3306 || p.ServiceAccount != "db" || p.Weight != 7 || p.Network != "vms" ||
		p.Locality != "eu/a" || p.Labels["app"] != "db" || p.Health != model.Unhealthy {
		t.Errorf("%+v", p)
	}
}

// TestARegistrationIsReadAgain as a control plane does that was started again.
func TestARegistrationIsReadAgain(t *testing.T) {
	in := registered()
	first, err := in.WorkloadEntry()
	if err != nil {
		t.Fatal(err)
	}
	out, group, err := crds.ReadRegistration(first)
	if err != nil || group != in.Group.Object {
		t.Fatalf("%v, %v", group, err)
	}
	out.Group = in.Group
	again, err := out.WorkloadEntry()
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("%v\n%s\nis not\n%s", err, again, first)
	}
}

func TestNotEveryWorkloadEntryIsARegistration(t *testing.T) {
	good, err := registered().WorkloadEntry()
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{"name: db-10-1-0-2", "name: other"}, {"Group: db", "Group: x"}, {"kind: WorkloadEntry", "kind: Pod"}, {"spec:", "spec: ["}} {
		text := strings.Replace(string(good), change[0], change[1], 1)
		if _, _, err := crds.ReadRegistration([]byte(text)); err == nil {
			t.Errorf("with %q it is one", change[1])
		}
	}
}

func TestAnAddressOfARegistrationIsAnIP(t *testing.T) {
	for _, address := range []string{"", "db.example.com", "10.1.0.2\nkind: Secret", "unix:///x", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1"} {
		r := registered()
		r.Address = address
		if _, err := r.WorkloadEntry(); err == nil {
			t.Errorf("%q is one", address)
		}
	}
	if got := model.MemberName("db", netip.MustParseAddr("fd00::2")); got != "db-fd00-0000-0000-0000-0000-0000-0000-0002" {
		t.Error(got)
	}
}

func FuzzReadRegistration(f *testing.F) {
	good, _ := registered().WorkloadEntry()
	f.Add(good)
	f.Fuzz(func(t *testing.T, text []byte) {
		r, group, err := crds.ReadRegistration(text)
		if err == nil && (r.Address == "" || group.Name == "") {
			t.Errorf("%+v of %v", r, group)
		}
	})
}
