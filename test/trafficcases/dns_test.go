package trafficcases_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a DNS server that knows what a case declares.
type names struct {
	port uint32
	mu   sync.Mutex
	all  map[string][]string
}

func newNames(t *testing.T) *names {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	n := &names{port: uint32(c.LocalAddr().(*net.UDPAddr).Port)}
	go n.run(c)
	return n
}

func (n *names) set(all map[string][]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = all
}

// of are the addresses of a name.
func (n *names) of(name string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.all[strings.ToLower(name)])
}

func (n *names) run(c net.PacketConn) {
	b := make([]byte, 4096)
	for {
		size, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		if out, err := n.answer(b[:size]); err == nil {
			_, _ = c.WriteTo(out, from)
		}
	}
}

func (n *names) answer(query []byte) ([]byte, error) {
	var p dnsmessage.Parser
	head, err := p.Start(query)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	addresses, known := n.all[strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))]
	n.mu.Unlock()
	head.Response, head.RecursionAvailable = true, true
	if !known {
		head.RCode = dnsmessage.RCodeNameError
	}
	m := dnsmessage.Message{Header: head, Questions: []dnsmessage.Question{q}}
	for _, text := range addresses {
		if a, err := netip.ParseAddr(text); err == nil && a.Is4() && q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body: &dnsmessage.AResource{A: a.As4()}})
		}
	}
	return m.Pack()
}
