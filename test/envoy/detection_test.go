package envoy_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

// TestDetectionTimeout: on a port that says no protocol, a client that waits
// for the server to speak waits as long as the mesh says, and then is heard.
func TestDetectionTimeout(t *testing.T) {
	w := newWorld(t)
	serveTCP(t, w.address(20)+":7000", func(c net.Conn) { fmt.Fprintln(c, "greetings") })
	w.addService(&model.Service{Host: "any.default.svc.cluster.local", Name: "any", Namespace: "default", Resolution: model.ResolutionStatic,
		Ports: []model.Port{{Number: 7000, Name: "any", Protocol: model.Auto}}}, w.address(20))
	wait := model.Duration(400 * time.Millisecond)
	w.snap.Mesh.DetectionTimeout = &wait
	plane, _ := translatePlane(t, w.resources())
	plane.publish("first", w.resources().Set())

	begin := time.Now()
	if got := w.talk("any:7000").line(); got != "greetings" {
		t.Errorf("%q, want the server's greeting", got)
	}
	// Envoy's timers go by the time at which its loop woke: a little early is right.
	if took := time.Since(begin); took < wait.Std()*9/10 || took > 4*time.Second {
		t.Errorf("it came after %v, want %v and little more", took, wait.Std())
	}
}
