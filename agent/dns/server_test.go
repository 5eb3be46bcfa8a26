package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/krater-mesh/krater/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var names = model.NameTable{Services: []model.NamedService{
	{Names: []string{"web.default.svc.cluster.local", "web.default", "web"}, Addresses: []string{"240.240.0.1"}},
	{Names: []string{"both.example.com"}, Addresses: []string{"192.0.2.1", "2001:db8::1"}},
	{Names: []string{"*.wild.example.com"}, Addresses: []string{"192.0.2.2"}},
	{Names: []string{"*.deep.wild.example.com"}, Addresses: []string{"192.0.2.3"}},
	{Names: []string{"web"}, Addresses: []string{"192.0.2.99"}},
	{Names: []string{"nowhere"}, Addresses: []string{"no address"}},
}}

// resolver is a machine's own: it answers every A with 198.51.100.7, or what
// its name says.
func resolver(t *testing.T) string {
	t.Helper()
	mux := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := &dns.Msg{}
		a.SetReply(q)
		name := q.Question[0].Name
		switch {
		case strings.HasPrefix(name, "missing"):
			a.Rcode = dns.RcodeNameError
		case strings.HasPrefix(name, "big"):
			for i := range 200 {
				rr, _ := dns.NewRR(fmt.Sprintf("%s 60 IN A 198.51.100.%d", name, i))
				a.Answer = append(a.Answer, rr)
			}
			if w.LocalAddr().Network() == "udp" {
				a.Truncate(dns.MinMsgSize)
			}
		case strings.HasPrefix(name, "other"):
			a.Question[0].Name = "somebody.else."
		default:
			rr, _ := dns.NewRR(name + " 60 IN A 198.51.100.7")
			a.Answer = append(a.Answer, rr)
		}
		_ = w.WriteMsg(a)
	})
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	streams, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: mux}, {Listener: streams, Handler: mux}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	_, port, _ := net.SplitHostPort(packets.LocalAddr().String())
	return port
}

// serve runs a server that knows names, and gives its address.
func serve(t *testing.T, resolverPort string) (*Server, string) {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("search example.com\nnameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.LocalAddr().String()
	l.Close()
	s := New(Options{Listen: []string{address, "[2001:db8::9]:53"}, ResolvConf: conf})
	s.port = resolverPort
	s.Know(names)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return s, address
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// lookup asks, and gives the addresses, or the answer's code.
func lookup(t *testing.T, network, address, name string, kind uint16) string {
	t.Helper()
	q := &dns.Msg{}
	q.SetQuestion(dns.Fqdn(name), kind)
	a, _, err := (&dns.Client{Net: network, Timeout: 5 * time.Second}).Exchange(q, address)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, rr := range a.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			out = append(out, rr.A.String())
		case *dns.AAAA:
			out = append(out, rr.AAAA.String())
		}
	}
	if a.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[a.Rcode]
	}
	if a.Truncated {
		return "truncated"
	}
	if len(out) > 3 {
		return fmt.Sprint(len(out))
	}
	return strings.Join(out, " ")
}

func TestLookups(t *testing.T) {
	_, address := serve(t, resolver(t))
	for _, x := range []struct {
		name string
		kind uint16
		want string
	}{
		{"web", dns.TypeA, "240.240.0.1"},
		{"WEB.default.SVC.cluster.local", dns.TypeA, "240.240.0.1"},
		{"web", dns.TypeAAAA, ""},
		{"both.example.com", dns.TypeA, "192.0.2.1"},
		{"both.example.com", dns.TypeAAAA, "2001:db8::1"},
		{"a.wild.example.com", dns.TypeA, "192.0.2.2"},
		{"a.b.wild.example.com", dns.TypeA, "192.0.2.2"},
		{"a.deep.wild.example.com", dns.TypeA, "192.0.2.3"},
		{"wild.example.com", dns.TypeA, "198.51.100.7"},
		{"nowhere", dns.TypeA, "198.51.100.7"},
		{"elsewhere.example.com", dns.TypeA, "198.51.100.7"},
		{"missing.example.com", dns.TypeA, "NXDOMAIN"},
		{"other.example.com", dns.TypeA, "SERVFAIL"},
	} {
		for _, network := range []string{"udp", "tcp"} {
			if got := lookup(t, network, address, x.name, x.kind); got != x.want {
				t.Errorf("%s %s over %s: %q, want %q", dns.TypeToString[x.kind], x.name, network, got, x.want)
			}
		}
	}
	if got := lookup(t, "udp", address, "big.example.com", dns.TypeA); got != "truncated" {
		t.Errorf("a long answer over udp: %s, want that it says so", got)
	}
	if got := lookup(t, "tcp", address, "big.example.com", dns.TypeA); got != "200" {
		t.Errorf("a long answer over tcp has %s addresses, want all 200", got)
	}
}

// TestWithoutResolversTheMeshIsStillKnown, and everything else fails at once.
func TestWithoutResolversTheMeshIsStillKnown(t *testing.T) {
	s, address := serve(t, "1")
	if got := lookup(t, "udp", address, "web", dns.TypeA); got != "240.240.0.1" {
		t.Errorf("web: %s", got)
	}
	if got := lookup(t, "udp", address, "elsewhere.example.com", dns.TypeA); got != "SERVFAIL" {
		t.Errorf("elsewhere: %s, want SERVFAIL", got)
	}
	for range atOnce {
		s.turns <- struct{}{}
	}
	began := time.Now()
	if got := lookup(t, "udp", address, "elsewhere.example.com", dns.TypeA); got != "SERVFAIL" || time.Since(began) > time.Second {
		t.Errorf("with too many lookups under way: %s after %s, want SERVFAIL at once", got, time.Since(began))
	}
	s.Know(model.NameTable{})
	if got := lookup(t, "udp", address, "web", dns.TypeA); got != "SERVFAIL" {
		t.Errorf("a name that is gone: %s", got)
	}
}

// TestLookupsBeginWithTheFirstTable, and follow each other one.
func TestLookupsBeginWithTheFirstTable(t *testing.T) {
	address := freeAddress(t)
	var mu sync.Mutex
	var table model.NameTable
	known, changed := false, make(chan struct{})
	set := func(t model.NameTable) {
		mu.Lock()
		defer mu.Unlock()
		table, known = t, true
		close(changed)
		changed = make(chan struct{})
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Follow(ctx, Options{Listen: []string{address}, ResolvConf: "/no/such/file"}, func() (model.NameTable, bool, <-chan struct{}) {
			mu.Lock()
			defer mu.Unlock()
			return table, known, changed
		})
	}()
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("lookups are taken before any name is known")
	}
	for _, ip := range []string{"192.0.2.1", "192.0.2.2"} {
		set(model.NameTable{Services: []model.NamedService{{Names: []string{"web"}, Addresses: []string{ip}}}})
		for deadline := time.Now().Add(5 * time.Second); lookup(t, "tcp", address, "web", dns.TypeA) != ip; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("web is not looked up as %s", ip)
			}
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Follow: %v", err)
	}
}

func TestResolvers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver fe80::1%eth0\nnameserver x\nnameserver\n")
	list, err := Resolvers(file)
	if want := []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("fe80::1%eth0")}; err != nil || fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("got %v, %v, want %v", list, err, want)
	}
	u := &upstreams{file: file}
	if len(u.list()) != 2 {
		t.Errorf("at first %v", u.known)
	}
	write("")
	if _, err := Resolvers(file); err == nil {
		t.Error("a file without a resolver is no error")
	}
	u.looked = time.Time{}
	if len(u.list()) != 2 {
		t.Errorf("a file that names none takes away those that are known: %v", u.known)
	}
}

// FuzzAnswer: any packet gives an answer to the same question, or none, and
// never a crash.
func FuzzAnswer(f *testing.F) {
	for _, name := range []string{"web.", "a.wild.example.com.", "elsewhere."} {
		q := &dns.Msg{}
		q.SetQuestion(name, dns.TypeA)
		q.SetEdns0(4096, true)
		packet, err := q.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet, true)
		f.Add(packet[:len(packet)-3], false)
	}
	s := New(Options{ResolvConf: "/no/such/file"})
	s.Know(names)
	f.Fuzz(func(t *testing.T, packet []byte, udp bool) {
		before := s.table.Load()
		answer := s.Answer(context.Background(), packet, udp)
		if s.table.Load() != before {
			t.Fatal("a question changes the table")
		}
		if answer == nil {
			return
		}
		var q, a dns.Msg
		if err := q.Unpack(packet); err != nil {
			t.Fatalf("what is no question is answered: %x", packet)
		}
		if err := a.Unpack(answer); err != nil {
			t.Fatalf("the answer is none: %v", err)
		}
		if !a.Response || a.Id != q.Id || len(q.Question) == 1 && (len(a.Question) != 1 || !strings.EqualFold(a.Question[0].Name, q.Question[0].Name)) {
			t.Fatalf("asked %v, answered %v", q.Question, a.Question)
		}
	})
}

// freeAddress gives a port that nobody has just now, over either network.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 20 {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := u.LocalAddr().String()
		l, err := net.Listen("tcp", address)
		u.Close()
		if err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}
