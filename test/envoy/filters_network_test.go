package envoy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// TestFiltersOfConnections puts a NETWORK filter before a TCP port and before
// one of requests, takes its module away, and touches no listener by that.
func TestFiltersOfConnections(t *testing.T) {
	w := newFilterWorld(t, "page-v1")
	_, port, _ := net.SplitHostPort(listenTCP(t, func(c net.Conn) { _, _ = io.Copy(c, c) }))
	appPort, _ := strconv.Atoi(port)
	w.snap.Workloads[0].Ports = append(w.snap.Workloads[0].Ports, model.WorkloadPort{Number: 3306, AppPort: uint32(appPort), Name: "tcp", Protocol: model.TCP})
	publish := func(name string, list ...*model.FilterBinding) {
		t.Helper()
		w.snap.Filters = list
		w.plane.publish(name, w.translated("page-v1").Set())
	}
	echoes := func(name string, want, entered bool) {
		t.Helper()
		before := w.count()
		c, err := net.DialTimeout("tcp", w.address(2)+":3306", 5*time.Second)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintln(c, "hello")
		line, _ := bufio.NewReader(c).ReadString('\n')
		if (line == "hello\n") != want {
			t.Errorf("%s: answered %q", name, line)
		}
		if entered {
			harness.Until(t, 5*time.Second, name+": the VM to be entered", func() error { return notYet(w.count() > before) })
		} else if w.count() != before {
			t.Errorf("%s: the VM was entered", name)
		}
	}
	network := func(ports []uint32, change func(*model.FilterBinding)) *model.FilterBinding {
		return w.counting(func(f *model.FilterBinding) {
			f.Type, f.Match = model.FilterNetwork, []model.TrafficMatch{{Mode: model.Server, Ports: ports}}
			change(f)
		})
	}
	same := func(*model.FilterBinding) {}
	http := "http://" + w.address(2) + ":9080"

	publish("none")
	listeners := w.envoy.Stat(t, "listener_manager.listener_modified")
	echoes("none", true, false)
	publish("by port", network([]uint32{3306}, same))
	echoes("by port", true, true)
	w.check("by port", http, []sent{{line: "GET /"}})
	publish("all ports", network(nil, same))
	echoes("all ports", true, true)
	w.check("all ports", http, []sent{{line: "GET /", entered: true}})
	gone := func(failure model.FilterFailure) func(*model.FilterBinding) {
		return func(f *model.FilterBinding) {
			f.Module, f.Failure = model.Module{URL: "oci://example.com/gone:v1"}, failure
		}
	}
	publish("closed", network(nil, gone(model.FilterFailClosed)))
	echoes("closed", false, false)
	publish("open", network(nil, gone(model.FilterFailOpen)))
	echoes("open", true, false)
	publish("none again")
	echoes("none again", true, false)
	if now := w.envoy.Stat(t, "listener_manager.listener_modified"); now != listeners {
		t.Errorf("%s listeners were modified, %s before", now, listeners)
	}
}

// TestAFilterOfConnectionsAtAGateway: before TLS and requests are looked at, and
// for what it calls as for what it is called by.
func TestAFilterOfConnectionsAtAGateway(t *testing.T) {
	w := newFilterWorld(t, "edge")
	w.snap.Filters = []*model.FilterBinding{w.counting(func(f *model.FilterBinding) {
		f.Object.Namespace, f.Type, f.Phase, f.Match = "istio-system", model.FilterNetwork, model.PhaseAuthn, []model.TrafficMatch{{Mode: model.Client, Ports: []uint32{80}}}
	})}
	w.plane.publish("network", w.translated("edge").Set())
	w.check("edge", "http://"+w.address(1)+":8080", []sent{{line: "GET /", headers: "host: " + reviewsHost, entered: true}})
}
