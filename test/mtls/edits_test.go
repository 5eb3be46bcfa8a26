package mtls_test

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestEditsStayInTheirPort makes one port STRICT, and open again: nothing that
// the edit leaves as it was is closed, neither the other port's connections
// nor those of mutual TLS on the port itself, and no listener is made anew.
func TestEditsStayInTheirPort(t *testing.T) {
	w := newWorld(t)
	edit := server{Workload: "UNSET"}
	w.declare(config(edit, client{}))
	if got := w.callHTTP(client{}); got != "mtls" {
		t.Fatalf("the sidecar's call: %s", got)
	}
	plain := w.hold(portTCP)
	stat := func(name string) int {
		n, err := strconv.Atoi(w.proxies["server"].Stat(t, name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	inPlace, draining := stat("listener_manager.listener_in_place_updated"), stat("listener_manager.total_listeners_draining")
	handshakes := w.handshakes(portHTTP)
	for i, mode := range []string{"STRICT", "PERMISSIVE", "DISABLE", "PERMISSIVE"} {
		both := config(server{Workload: "UNSET", Port: mode}, client{})
		w.declare(strings.Replace(both, fmt.Sprintf("%d: {mode: %s}}", portTCP, mode), fmt.Sprintf("%d: {mode: UNSET}}", portTCP), 1))
		direct := client{Direct: "plain"}
		want := map[bool]string{true: "refused", false: "plain"}[mode == "STRICT"]
		settled(t, "plain text to a port that is "+mode, want, func() string { return w.callHTTP(direct) })
		if mode != "DISABLE" && i < 2 {
			if got := w.callHTTP(client{}); got != "mtls" {
				t.Errorf("%s: the sidecar's call: %s", mode, got)
			}
			if now := w.handshakes(portHTTP); now != handshakes {
				t.Errorf("%s: %s handshakes, where %s were enough: the sidecar's connection did not stay", mode, now, handshakes)
			}
		}
	}
	if got := stat("listener_manager.listener_in_place_updated"); got < inPlace+4 {
		t.Errorf("%d updates in place, want %d", got-inPlace, 4)
	}
	if got := stat("listener_manager.total_listeners_draining"); got != draining {
		t.Errorf("%d listeners drain", got-draining)
	}
	plain.want(t, "plain")
}

// held is a connection that stays open.
type held struct {
	net.Conn
	in *bufio.Reader
}

func (w *world) hold(port int) held {
	w.t.Helper()
	conn, err := w.dial(client{Direct: "plain"}, port)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return held{conn, bufio.NewReader(conn)}
}

func (h held) want(t *testing.T, want string) {
	t.Helper()
	_ = h.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintln(h, "a line of text")
	if line, err := h.in.ReadString('\n'); err != nil || line != want+"\n" {
		t.Errorf("a connection that was open: %q, %v", line, err)
	}
}
