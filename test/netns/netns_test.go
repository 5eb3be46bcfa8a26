package netns

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/test/harness"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// TestHostsReachEachOther: over both families, from this program and from
// programs of the host, and as the user that was asked for.
func TestHostsReachEachOther(t *testing.T) {
	n := New(t)
	a, b := n.Host("a"), n.Host("b")
	for _, address := range []string{b.Address, b.Address6} {
		l := b.Listen(net.JoinHostPort(address, "8080"))
		go func() {
			_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) }))
		}()
		res, err := a.Client().Get("http://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if !strings.Contains(string(body), a.Address) && !strings.Contains(string(body), a.Address6) {
			t.Errorf("b sees a call from %s, want one of a's", body)
		}
	}
	if out, code := a.Try(Command{UID: 1337, Args: []string{"id", "-u"}}); code != 0 || strings.TrimSpace(out) != "1337" {
		t.Errorf("id -u as 1337 gives %q (%d)", out, code)
	}
	a.Unplug()
	if _, err := a.Dial(context.Background(), "tcp", b.Address+":8080"); err == nil {
		t.Error("an unplugged host reaches another")
	}
	a.Plug()
	c, err := a.Dial(context.Background(), "tcp", b.Address+":8080")
	if err != nil {
		t.Fatalf("plugged in again: %v", err)
	}
	c.Close()
}

// TestAHostsFilesAreItsOwn: nothing is seen outside, and other users run what
// lies in our own folder.
func TestAHostsFilesAreItsOwn(t *testing.T) {
	const file = "/etc/passwd" // every machine has it
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h := New(t).Host("a")
	h.SetFile(file, "nobody:x:65534:65534::/:/bin/false\n")
	if got := h.Run("cat", file); got != "nobody:x:65534:65534::/:/bin/false\n" {
		t.Errorf("the host reads %q", got)
	}
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Error("the file was changed outside, too")
	}
	envoy := h.Program(harness.EnvoyPath(t))
	if out, code := h.Try(Command{UID: 1337, Args: []string{envoy, "--version"}}); code != 0 {
		t.Errorf("envoy --version as 1337: %d\n%s", code, out)
	}
}

// TestProgramsEndWithTheTest: also what they started.
func TestProgramsEndWithTheTest(t *testing.T) {
	var p *Process
	t.Run("one", func(t *testing.T) {
		h := New(t).Host("a")
		p = h.Start(Command{Args: []string{"sh", "-c", "sleep 60 & wait"}})
	})
	select {
	case <-p.Ended:
	default:
		t.Fatal("a program outlives its test")
	}
}
