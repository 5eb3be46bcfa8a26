package up

import (
	"slices"
	"testing"

	"github.com/krater-mesh/krater/model"
)

func TestAProgramFindsItsPortAndItsWayOut(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://elsewhere:3128")
	t.Setenv("no_proxy", "reviews")
	w := model.Workload{
		Namespace: "default", Name: "reviews-v1", Address: "127.80.0.4",
		Ports: []model.WorkloadPort{
			{Number: 9080, AppPort: 21000, Name: "http"}, {Number: 9090, AppPort: 21001, Name: "grpc-admin"},
		},
		Process: &model.Process{Command: []string{"reviews"}, Env: map[string]string{"REVIEWS_VERSION": "v1"}},
	}
	db := model.Service{Host: "db.default.svc.cluster.local", Name: "db", Namespace: "default",
		Ports: []model.Port{{Number: 5432, Name: "tcp", Protocol: model.TCP}}, LocalPorts: map[uint32]uint32{5432: 16001}}
	hidden := db
	hidden.Name, hidden.Namespace, hidden.ExportTo = "hidden", "other", []string{"."}
	env := environment(w, []*model.Service{&db, &hidden})
	for _, want := range []string{
		"PORT=21000", "PORT_HTTP=21000", "PORT_GRPC_ADMIN=21001", "HOST=127.0.0.1",
		"HTTP_PROXY=http://127.80.0.4:15001", "https_proxy=http://127.80.0.4:15001",
		"DB_SERVICE_HOST=127.80.0.4", "DB_SERVICE_PORT=16001", "REVIEWS_VERSION=v1", "KRATER_WORKLOAD=default/reviews-v1",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	for _, no := range []string{"HTTP_PROXY=http://elsewhere:3128", "no_proxy=reviews", "HIDDEN_SERVICE_PORT=16001"} {
		if slices.Contains(env, no) {
			t.Errorf("the environment has %s", no)
		}
	}
}

func TestAProgramIsFoundOrNamed(t *testing.T) {
	for in, want := range map[string]string{"/bin/true": "/bin/true", "./run": "/srv/mesh/run", "../bin/x": "/srv/bin/x"} {
		got, err := program(model.Process{Command: []string{in}, Dir: "/srv/mesh"})
		if err != nil || got != want {
			t.Errorf("%s is %q, %v, want %s", in, got, err, want)
		}
	}
	if _, err := program(model.Process{Command: []string{"no-such-program"}}); err == nil {
		t.Error("a program that is nowhere was found")
	}
}
