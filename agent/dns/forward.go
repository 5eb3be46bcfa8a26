package dns

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// patience is how long one resolver has for its answer.
const patience = 2 * time.Second

// forward asks the machine's resolvers, one after the other. It runs as the
// proxy's user, so that the kernel does not lead the question back here.
func (s *Server) forward(ctx context.Context, q *dns.Msg, udp bool) *dns.Msg {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	default: // too many wait already
		return failure(q, dns.RcodeServerFailure)
	}
	ask := q.Copy()
	ask.Id = dns.Id()
	for _, to := range s.upstreams.list() {
		for _, network := range networks(udp) {
			c := &dns.Client{Net: network, Timeout: patience, UDPSize: dns.DefaultMsgSize}
			a, _, err := c.ExchangeContext(ctx, ask, net.JoinHostPort(to.String(), s.port))
			if err != nil || a.Truncated && network == "udp" && !udp {
				continue
			}
			if len(a.Question) != 1 || a.Question[0] != q.Question[0] {
				continue // an answer to something else
			}
			return a
		}
	}
	return failure(q, dns.RcodeServerFailure)
}

// networks are how a resolver is asked: as the asker did.
func networks(udp bool) []string {
	if udp {
		return []string{"udp"}
	}
	return []string{"tcp", "udp"}
}

// upstreams are the resolvers of a resolv.conf, which may change.
type upstreams struct {
	file string

	mu     sync.Mutex
	read   time.Time // the file's, when it was read
	looked time.Time
	known  []netip.Addr
}

// list reads the file again if it changed, at most once a second. One that
// cannot be read changes nothing.
func (u *upstreams) list() []netip.Addr {
	u.mu.Lock()
	defer u.mu.Unlock()
	if time.Since(u.looked) < time.Second {
		return u.known
	}
	u.looked = time.Now()
	info, err := os.Stat(u.file)
	if err != nil || info.ModTime().Equal(u.read) {
		return u.known
	}
	if list, err := Resolvers(u.file); err == nil {
		u.known, u.read = list, info.ModTime()
	}
	return u.known
}
