package up

import (
	"fmt"
	"net"
	"strconv"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/model"
)

// proxyPort is where a sidecar takes explicit-proxy requests.
const proxyPort = 15001

type listener struct {
	address string
	port    uint32
	what    string
}

// CheckPorts fails where a port that the mesh is about to bind is taken.
func CheckPorts(fleet controlplane.Fleet) error {
	for _, w := range fleet.Workloads {
		for _, l := range listeners(w) {
			s, err := net.Listen("tcp", net.JoinHostPort(l.address, strconv.Itoa(int(l.port))))
			if err != nil {
				return fmt.Errorf("%s of %s cannot be opened: %w; end what listens there (another mesh?), or give this mesh another spec.local.network, address or port in its Mesh object",
					l.what, w.ID(), err)
			}
			s.Close()
		}
	}
	return nil
}

func listeners(w model.Workload) []listener {
	out := []listener{{w.Address, agent.AdminPort, "Envoy's admin page"}}
	if !w.Gateway {
		out = append(out, listener{w.Address, proxyPort, "the explicit proxy"})
	}
	for _, p := range w.Ports {
		if w.Gateway {
			out = append(out, listener{w.Address, p.AppPort, fmt.Sprintf("gateway port %d", p.Number)})
			continue
		}
		out = append(out, listener{w.Address, p.Number, "port " + p.Name})
		if w.Process != nil {
			out = append(out, listener{"127.0.0.1", p.AppPort, "the application's port " + p.Name})
		}
	}
	return out
}
