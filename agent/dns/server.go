package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"

	"github.com/krater-mesh/krater/model"
)

// Addresses are where lookups are taken: the kernel leads them there, on the
// loopback interface only.
var Addresses = []string{"127.0.0.1:15053", "[::1]:15053"}

// Options of a server.
type Options struct {
	Listen     []string // default: Addresses. The first must be there, of the others those that can be
	ResolvConf string   // default: /etc/resolv.conf
	Logger     *slog.Logger
}

// Server answers lookups.
type Server struct {
	o         Options
	table     atomic.Pointer[Table]
	upstreams *upstreams
	port      string        // of the machine's resolvers
	turns     chan struct{} // one for each lookup that waits for a resolver
}

// atOnce is how many lookups may wait for the machine's resolvers.
const atOnce = 1000

// streamsAtOnce is how many TCP connections one address takes; more wait.
const streamsAtOnce = 200

// New makes a server that knows no name yet; it starts nothing.
func New(o Options) *Server {
	if len(o.Listen) == 0 {
		o.Listen = Addresses
	}
	if o.ResolvConf == "" {
		o.ResolvConf = "/etc/resolv.conf"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, upstreams: &upstreams{file: o.ResolvConf}, port: "53", turns: make(chan struct{}, atOnce)}
	s.Know(model.NameTable{})
	return s
}

// Know has the server answer by another table from now on.
func (s *Server) Know(t model.NameTable) { s.table.Store(NewTable(t)) }

// Run serves UDP and TCP until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var servers []*dns.Server
	var all sync.WaitGroup
	defer func() {
		for _, one := range servers {
			_ = one.Shutdown()
		}
		all.Wait()
	}()
	ended := make(chan error, 2*len(s.o.Listen))
	for i, address := range s.o.Listen {
		pair, err := s.listen(ctx, address)
		if err != nil && i == 0 {
			return err
		}
		if err != nil { // a machine without IPv6
			s.o.Logger.Info("lookups are not taken there", "address", address, "reason", err)
			continue
		}
		for _, one := range pair {
			started := make(chan struct{})
			one.NotifyStartedFunc = func() { close(started) }
			all.Add(1)
			go func() {
				defer all.Done()
				ended <- one.ActivateAndServe()
			}()
			select {
			case <-started:
				servers = append(servers, one)
			case err := <-ended:
				return fmt.Errorf("serving lookups at %s: %w", address, err)
			}
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return fmt.Errorf("serving lookups: %w", err)
	}
}

// listen opens UDP and TCP at an address.
func (s *Server) listen(ctx context.Context, address string) ([]*dns.Server, error) {
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("taking lookups: %w", err)
	}
	streams, err := net.Listen("tcp", address)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("taking lookups: %w", err), packets.Close())
	}
	return []*dns.Server{
		{PacketConn: packets, Handler: s.handler(ctx, true)},
		{Listener: netutil.LimitListener(streams, streamsAtOnce), Handler: s.handler(ctx, false), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
			IdleTimeout: func() time.Duration { return 10 * time.Second }, MaxTCPQueries: 100},
	}, nil
}

func (s *Server) handler(ctx context.Context, udp bool) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		packet, err := q.Pack()
		if err != nil {
			return
		}
		if a := s.Answer(ctx, packet, udp); a != nil {
			_, _ = w.Write(a)
		}
	}
}
