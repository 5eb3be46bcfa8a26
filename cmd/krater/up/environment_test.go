package up

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/krater-mesh/krater/model"
)

func TestServiceVariables(t *testing.T) {
	tcp := func(n uint32, name string) model.Port { return model.Port{Number: n, Name: name, Protocol: model.TCP} }
	services := []model.Service{
		{Name: "db", Namespace: "apart", Ports: []model.Port{tcp(1, "tcp")}, LocalPorts: map[uint32]uint32{1: 16001}},
		{Name: "db", Namespace: "default", Ports: []model.Port{{Number: 80, Name: "http", Protocol: model.HTTP}, tcp(3306, "mysql"), tcp(33060, "mysql-x")},
			LocalPorts: map[uint32]uint32{3306: 16002, 33060: 16003}},
		{Host: "mail.example.com", Namespace: "apart", Ports: []model.Port{tcp(25, "smtp")}, LocalPorts: map[uint32]uint32{25: 16004}},
		{Name: "hidden", Namespace: "apart", ExportTo: []string{"."}, Ports: []model.Port{tcp(9, "tcp")}, LocalPorts: map[uint32]uint32{9: 16005}},
		{Name: "web", Namespace: "default", Ports: []model.Port{{Number: 80, Name: "http", Protocol: model.HTTP}}},
	}
	got := serviceVariables(model.Workload{Namespace: "default", Address: "127.80.0.2"}, services)
	want := []string{
		"DB_SERVICE_HOST=127.80.0.2", "DB_SERVICE_PORT=16002", "DB_SERVICE_PORT_MYSQL=16002", "DB_SERVICE_PORT_MYSQL_X=16003",
		"MAIL_EXAMPLE_COM_SERVICE_HOST=127.80.0.2", "MAIL_EXAMPLE_COM_SERVICE_PORT=16004", "MAIL_EXAMPLE_COM_SERVICE_PORT_SMTP=16004",
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
