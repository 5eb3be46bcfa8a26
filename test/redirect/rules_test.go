// Package redirect holds tests of redirected traffic: hosts that are network
// namespaces, rules of the real kernel, real Envoys, and programs that know
// nothing of proxies.
package redirect

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/agent/redirect"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/netns"
)

func TestMain(m *testing.M) {
	code := netns.Main(m)
	os.Exit(code)
}

// names says who it is to whoever connects, speaking first.
func names(h *netns.Host, address, who string) {
	l := h.Listen(address)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, who)
			c.Close()
		}
	}()
}

// reached tells who answers at an address, called by a program of a user.
func reached(h *netns.Host, uid int, address string) string {
	host, port, _ := net.SplitHostPort(address)
	// bash itself connects: a program of that user, which knows no proxy.
	out, code := h.Try(netns.Command{UID: uid, Args: []string{"timeout", "10", "bash", "-c", "exec 3<>/dev/tcp/" + host + "/" + port + " && cat <&3"}})
	if code != 0 {
		return "nobody"
	}
	return strings.TrimSpace(out)
}

func eachBackend(t *testing.T, do func(t *testing.T, b redirect.Backend)) {
	for _, b := range []redirect.Backend{redirect.NFTables, redirect.IPTables} {
		t.Run(string(b), func(t *testing.T) { do(t, b) })
	}
}

func up(t *testing.T, h *netns.Host, c redirect.Config, b redirect.Backend) {
	t.Helper()
	if err := h.Do(func() error { return redirect.Up(context.Background(), c, b) }); err != nil {
		t.Fatal(err)
	}
}

func down(t *testing.T, h *netns.Host) {
	t.Helper()
	if err := h.Do(func() error { return redirect.Down(context.Background()) }); err != nil {
		t.Fatal(err)
	}
}

// TestWhatRulesCatch: who answers whom, with stand-ins for the sidecar's
// ports. Over IPv4 and IPv6, with both backends.
func TestWhatRulesCatch(t *testing.T) {
	eachBackend(t, func(t *testing.T, b redirect.Backend) {
		n := netns.New(t)
		app, peer := n.Host("app"), n.Host("peer")
		v4, v6 := app.Address, "["+app.Address6+"]"
		peer4, peer6 := peer.Address, "["+peer.Address6+"]"
		names(app, ":15001", "outbound")
		names(app, ":15006", "inbound")
		names(app, ":8080", "app")
		names(app, ":22", "sshd")
		names(app, ":15021", "agent")
		names(peer, ":80", "peer")
		names(peer, ":25", "peer")
		c := redirect.Default()
		c.ExcludeOutboundPorts = []uint16{25}
		c.ExcludeOutboundRanges.List = []netip.Prefix{netip.MustParsePrefix("10.77.0.200/32"), netip.MustParsePrefix("fd77::200/128")}
		up(t, app, c, b)
		peer.AddAddress("10.77.0.200/24")
		peer.AddAddress("fd77::200/64 nodad")

		for _, x := range []struct {
			from *netns.Host
			uid  int
			to   string
			want string
			why  string
		}{
			{app, 1000, peer4 + ":80", "outbound", "a program's calls go to the sidecar"},
			{app, 0, peer6 + ":80", "outbound", "also those of root, and over IPv6"},
			{app, 1000, "10.96.0.1:443", "outbound", "also to an address that nobody has"},
			{app, 1337, peer4 + ":80", "peer", "the sidecar's own go out"},
			{app, 1337, peer6 + ":80", "peer", "also over IPv6"},
			{app, 1000, peer4 + ":25", "peer", "an excluded port"},
			{app, 1000, "10.77.0.200:80", "peer", "an excluded range"},
			{app, 1000, "[fd77::200]:80", "peer", "an excluded range of IPv6"},
			{app, 1000, "127.0.0.1:8080", "app", "loopback is no call to others"},
			{app, 1000, "[::1]:8080", "app", "also of IPv6"},
			{app, 1000, v4 + ":8080", "app", "a program calls its own address"},
			{app, 1000, v6 + ":8080", "app", "also of IPv6"},
			{app, 1337, "127.0.0.1:8080", "app", "the sidecar, or its agent, asks on loopback"},
			{app, 1337, v4 + ":8080", "inbound", "the sidecar calls this host as an endpoint"},
			{app, 1337, v6 + ":8080", "inbound", "also over IPv6"},
			{app, 1337, v4 + ":15021", "agent", "what goes around the inbound side does so from here, too"},
			{peer, 1000, v4 + ":8080", "inbound", "what others call"},
			{peer, 1000, v6 + ":8080", "inbound", "also over IPv6"},
			{peer, 1337, v4 + ":9999", "inbound", "also where nobody listens, whoever calls"},
			{peer, 1000, v4 + ":22", "sshd", "SSH is left alone"},
			{peer, 1000, v4 + ":15021", "agent", "the agent's port goes around"},
			{peer, 1000, v4 + ":15001", "inbound", "nobody outside reaches the outbound port"},
		} {
			to := strings.NewReplacer("[", "", "]", "").Replace(x.to)
			host, port := to[:strings.LastIndex(to, ":")], to[strings.LastIndex(to, ":")+1:]
			if got := reached(x.from, x.uid, net.JoinHostPort(host, port)); got != x.want {
				t.Errorf("%s: %s, user %d, calls %s and reaches %s, want %s", x.why, x.from.Name, x.uid, x.to, got, x.want)
			}
		}
		for _, source := range []struct{ from, to string }{{"127.0.0.6", v4}, {"[::6]", v6}} {
			if got := readFrom(app, source.from, source.to+":8080"); got != "app" {
				t.Errorf("the sidecar calls its application from %s and reaches %q, want the application", source.from, got)
			}
		}
		down(t, app)
		if got := reached(app, 1000, peer4+":80"); got != "peer" {
			t.Errorf("after --down a program's call reaches %s, want the peer", got)
		}
		if got := reached(peer, 1000, v6+":8080"); got != "app" {
			t.Errorf("after --down a peer's call reaches %s, want the application", got)
		}
	})
}

// readFrom connects from an address of the host and reads who answers.
func readFrom(h *netns.Host, from, to string) string {
	var out []byte
	err := h.Do(func() error {
		source, err := net.ResolveTCPAddr("tcp", from+":0")
		if err != nil {
			return err
		}
		c, err := (&net.Dialer{LocalAddr: source, Timeout: 3 * time.Second}).Dial("tcp", to)
		if err != nil {
			return err
		}
		defer c.Close()
		out, err = io.ReadAll(c)
		return err
	})
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// TestUpTwiceIsUpOnce, and down leaves what others made: the rules before and
// after are the same text.
func TestUpTwiceIsUpOnce(t *testing.T) {
	const others = `*nat
:THEIRS - [0:0]
-A THEIRS -d 203.0.113.1/32 -p tcp -j REDIRECT --to-ports 4444
-A OUTPUT -p tcp -j THEIRS
COMMIT
`
	eachBackend(t, func(t *testing.T, b redirect.Backend) {
		h := netns.New(t).Host("app")
		h.Try(netns.Command{Args: []string{"iptables-restore", "--noflush"}, In: others})
		h.Try(netns.Command{Args: []string{"nft", "-f", "-"}, In: "table inet theirs {\nchain output {\ntype filter hook output priority 0; policy accept;\nudp dport 9 drop\n}\n}\n"})
		rules := func() string { return rulesOf(h) }
		before := rules()
		up(t, h, redirect.Default(), b)
		once := rules()
		up(t, h, redirect.Default(), b)
		if !strings.Contains(before, "THEIRS") || !strings.Contains(before, "dport 9") || once == before {
			t.Fatalf("the rules are not what this test wants:\n%s", once)
		}
		if twice := rules(); twice != once {
			t.Errorf("a second --up changes the rules:\n%s\n--- from\n%s", twice, once)
		}
		other := map[redirect.Backend]redirect.Backend{redirect.NFTables: redirect.IPTables, redirect.IPTables: redirect.NFTables}[b]
		up(t, h, redirect.Default(), other)
		up(t, h, redirect.Default(), b)
		if back := rules(); back != once {
			t.Errorf("rules of the other backend stay:\n%s\n--- want\n%s", back, once)
		}
		down(t, h)
		if after := rules(); after != before {
			t.Errorf("after --down there is\n%s\n--- want what was before\n%s", after, before)
		}
		h.Run("ip", "addr", "add", "::6/128", "dev", "lo")
		before = rules()
		down(t, h) // again: no error, and what is not ours stays
		if after := rules(); after != before {
			t.Errorf("a second --down leaves\n%s\n--- want what was before\n%s", after, before)
		}
	})
}

// rulesOf are all rules of a host, and what its loopback interface has. Empty
// chains of the kernel's own are left out: asking for them makes them.
func rulesOf(h *netns.Host) string {
	var out []string
	for _, save := range []string{"iptables-save", "ip6tables-save"} {
		for _, line := range strings.Split(h.Run(save, "-t", "nat"), "\n") {
			if !strings.HasPrefix(line, "#") && !strings.Contains(line, " ACCEPT [") && line != "*nat" && line != "COMMIT" {
				out = append(out, line)
			}
		}
	}
	return strings.Join(out, "\n") + h.Run("nft", "list", "ruleset", "inet") + h.Run("ip", "addr", "show", "lo")
}

// TestOnlyRootRedirects: everybody else is told what to do, and nothing changes.
func TestOnlyRootRedirects(t *testing.T) {
	h := netns.New(t).Host("app")
	krater := h.Program(harness.Binaries(t) + "/krater")
	out, code := h.Try(netns.Command{UID: 1000, Args: []string{krater, "agent", "redirect", "--up"}})
	if code == 0 || !strings.Contains(out, "run it as root") {
		t.Errorf("as user 1000 --up ends with %d and says:\n%s", code, out)
	}
	if rules := h.Run("nft", "list", "ruleset"); strings.Contains(rules, "krater") {
		t.Errorf("there are rules now:\n%s", rules)
	}
}
