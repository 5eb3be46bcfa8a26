package redirect

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/netns"
)

// block is one of docs/redirect.md: "```sh MACHINE USER" or "```yaml FILE".
var block = regexp.MustCompile("(?ms)^```(sh|yaml) ([a-z.]+) ?([a-z0-9]*)\n(.*?)^```$")

// machines are those of the manual, one folder for all of them: what it brings
// from one to another is there.
type machines struct {
	t      *testing.T
	hosts  map[string]*netns.Host
	dir    string
	agents map[string]*netns.Process // by machine
	// agentLine is the command of the last of them.
	agentLine string
}

func newMachines(t *testing.T) *machines {
	t.Helper()
	n := netns.New(t)
	m := &machines{t: t, hosts: map[string]*netns.Host{}, dir: n.Dir(proxyUser), agents: map[string]*netns.Process{}}
	for _, name := range []string{"client", "server", "control", "outside"} { // in the order of their addresses
		h := n.Host(name)
		m.hosts[name] = h
		h.SetFile("/etc/resolv.conf", "nameserver 10.77.0.4\n")
	}
	return m
}

// sh runs one command of a machine, as a user; one that ends in " &" stays.
func (m *machines) sh(machine, user, command string) string {
	m.t.Helper()
	h := m.hosts[machine]
	uid, _ := strconv.Atoi(user)
	program := h.Program(filepath.Join(harness.Binaries(m.t), "krater"))
	command = strings.ReplaceAll(command, "krater ", program+" ")
	c := netns.Command{UID: uid, Env: []string{"ENVOY=" + h.Program(harness.EnvoyPath(m.t))}}
	if uid == 0 || uid == proxyUser { // nobody else has anything there
		c.Dir = m.dir
	}
	if line, stays := strings.CutSuffix(command, " &"); stays {
		c.Args = []string{"sh", "-c", "exec " + line}
		p := h.Start(c)
		if machine == "control" {
			harness.Until(m.t, 30*time.Second, "the control plane", func() error {
				_, err := os.Stat(filepath.Join(m.dir, "control", "admin.sock"))
				return err
			})
		} else {
			m.agents[machine], m.agentLine = p, strings.ReplaceAll(command, program, "krater")
		}
		return ""
	}
	c.Args = []string{"sh", "-c", command}
	out, code := h.Try(c)
	if code != 0 {
		m.t.Fatalf("%s, user %d: %s ended with %d:\n%s", machine, uid, command, code, out)
	}
	return out
}

// others are the machine's own resolvers, which know one name that is none of
// the mesh.
func others(h *netns.Host) *dns.Server {
	s := &dns.Server{PacketConn: h.ListenPacket(h.Address + ":53"), Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := &dns.Msg{}
		a.SetRcode(q, dns.RcodeNameError)
		if q.Question[0].Name == "elsewhere.example.com." && q.Question[0].Qtype == dns.TypeA {
			rr, _ := dns.NewRR("elsewhere.example.com. 60 IN A " + h.Address)
			a.SetReply(q)
			a.Answer = append(a.Answer, rr)
		}
		_ = w.WriteMsg(a)
	})}
	go func() { _ = s.ActivateAndServe() }()
	return s
}

// TestTheManualIsTrue runs each step of docs/redirect.md on machines of their
// own: the real control plane, agents and Envoys, and programs that look names
// up and call them.
func TestTheManualIsTrue(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(harness.Root(), "docs", "redirect.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := newMachines(t)
	app(m.hosts["server"], ":8080")
	names(m.hosts["server"], ":3306", "db")
	app(m.hosts["outside"], ":80")
	s := others(m.hosts["outside"])
	t.Cleanup(func() { _ = s.Shutdown() })
	steps := 0
	for _, b := range block.FindAllStringSubmatch(string(page), -1) {
		if b[1] == "yaml" {
			if err := os.WriteFile(filepath.Join(m.dir, b[2]), []byte(b[4]), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		user := map[string]string{"root": "0", "": "0"}[b[3]]
		if user == "" {
			user = b[3]
		}
		for _, line := range strings.Split(strings.TrimSpace(b[4]), "\n") {
			steps++
			switch {
			case strings.HasPrefix(line, "curl"):
				m.inTheMesh(user, line)
			default:
				out := m.sh(b[2], user, line)
				if strings.Contains(line, "--print") && !strings.Contains(out, "redirect to :15006") {
					t.Errorf("%s prints\n%s", line, out)
				}
			}
			if b[2] == "control" {
				for _, f := range []string{"client.token", "server.token", "root.pem"} { // brought to their machines
					_ = os.Chown(filepath.Join(m.dir, f), proxyUser, proxyUser)
				}
			}
		}
	}
	if steps < 11 {
		t.Errorf("the manual has %d steps: its blocks are not found", steps)
	}
	if out, code := m.curl(1000, "-m", "3", "http://10.77.0.2:8080/"); code == 0 {
		t.Errorf("after --down a call in plain text is answered: %s", out)
	}
}

func (m *machines) curl(uid int, args ...string) (string, int) {
	return m.hosts["client"].Try(netns.Command{UID: uid, Args: append([]string{"curl", "-sS", "--noproxy", "*"}, args...)})
}

// inTheMesh is what the manual says of the call that it shows, and of others.
func (m *machines) inTheMesh(user, line string) {
	m.t.Helper()
	harness.Until(m.t, 60*time.Second, "the client to be in the mesh", func() error {
		uid, _ := strconv.Atoi(user)
		out, code := m.hosts["client"].Try(netns.Command{UID: uid, Args: []string{"sh", "-c", line}})
		var got seen
		if code != 0 || json.Unmarshal([]byte(out), &got) != nil {
			return fmt.Errorf("%s ends with %d: %s", line, code, out)
		}
		if got.Who != "server" || !strings.Contains(got.Caller, "spiffe://cluster.local/ns/default/sa/default") {
			return fmt.Errorf("the application saw %+v", got)
		}
		return nil
	})
	for _, name := range []string{"web.default:8080", "web.default.svc.cluster.local:8080"} {
		if out, code := m.curl(1000, "http://"+name+"/"); code != 0 || !strings.Contains(out, `"server"`) {
			m.t.Errorf("%s: %d, %s", name, code, out)
		}
	}
	if got := reachedByName(m.hosts["client"], "web", "3306"); got != "db" {
		m.t.Errorf("a TCP service by its name: %q, want the database", got)
	}
	if out, code := m.curl(1000, "http://elsewhere.example.com/"); code != 0 || !strings.Contains(out, `"outside"`) {
		m.t.Errorf("a name that the machine's resolvers know: %d, %s", code, out)
	}
	if out, code := m.curl(1000, "-m", "5", "http://nowhere.example.com/"); code != 6 {
		m.t.Errorf("a name that nobody knows: %d, %s, want that it is not found", code, out)
	}
	m.namesStay()
	if out, code := m.hosts["outside"].Try(netns.Command{UID: 1000, Args: []string{"curl", "-sS", "-m", "3", "http://10.77.0.2:8080/"}}); code == 0 {
		m.t.Errorf("a machine that is no member is answered: %s", out)
	}
}

// namesStay: with the control plane out of reach, an agent that is started
// again still knows them, and its Envoy still serves.
func (m *machines) namesStay() {
	m.t.Helper()
	m.hosts["control"].Unplug()
	defer m.hosts["control"].Plug()
	client := m.hosts["client"]
	harness.Until(m.t, 20*time.Second, "what Envoy took to be written down", func() error {
		dir := filepath.Join(m.dir, "client-state", "agent", "lastgood")
		if found, err := filepath.Glob(filepath.Join(dir, "*Listener.lastgood")); err != nil || len(found) == 0 {
			return fmt.Errorf("%s holds no listeners: %v", dir, err)
		}
		return nil
	})
	m.agents["client"].Signal(syscall.SIGKILL)
	<-m.agents["client"].Ended
	m.sh("client", strconv.Itoa(proxyUser), m.agentLine)
	harness.Until(m.t, 30*time.Second, "the client to serve without a control plane", func() error {
		if got := reachedByName(client, "web", "3306"); got != "db" {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
}

// reachedByName is reached for a name: bash looks it up as any program does.
func reachedByName(h *netns.Host, name, port string) string {
	out, code := h.Try(netns.Command{UID: 1000, Args: []string{"timeout", "10", "bash", "-c", "exec 3<>/dev/tcp/" + name + "/" + port + " && cat <&3"}})
	if code != 0 {
		return "nobody"
	}
	return strings.TrimSpace(out)
}
