package dns

import (
	"context"
	"math/rand/v2"
	"net/netip"

	"github.com/miekg/dns"
)

// ttl is for how many seconds an answer of the mesh may be kept.
const ttl = 30

// most addresses that one answer has: more is no use to anybody.
const most = 64

// Answer gives the answer to a packet; nil: it deserves none. udp: it must fit
// into what the asker takes.
func (s *Server) Answer(ctx context.Context, packet []byte, udp bool) []byte {
	q := &dns.Msg{}
	if err := q.Unpack(packet); err != nil || q.Response {
		return nil
	}
	a := s.answer(ctx, q, udp)
	a.Id, a.Response = q.Id, true
	size := dns.MaxMsgSize
	if udp {
		size = dns.MinMsgSize
		if o := q.IsEdns0(); o != nil {
			size = int(max(o.UDPSize(), dns.MinMsgSize))
		}
	}
	a.Truncate(size)
	out, err := a.Pack()
	if err != nil {
		out, _ = failure(q, dns.RcodeServerFailure).Pack()
	}
	return out
}

func (s *Server) answer(ctx context.Context, q *dns.Msg, udp bool) *dns.Msg {
	switch {
	case q.Opcode != dns.OpcodeQuery:
		return failure(q, dns.RcodeNotImplemented)
	case len(q.Question) != 1:
		return failure(q, dns.RcodeFormatError)
	}
	asked := q.Question[0]
	if asked.Qclass == dns.ClassINET && (asked.Qtype == dns.TypeA || asked.Qtype == dns.TypeAAAA) {
		if addresses, ok := s.table.Load().Find(asked.Name); ok {
			return local(q, addresses)
		}
	}
	return s.forward(ctx, q, udp)
}

// local answers from the table. A name without an address of the family that
// was asked for is there all the same: whoever asks tries the other family.
func local(q *dns.Msg, addresses []netip.Addr) *dns.Msg {
	a := &dns.Msg{}
	a.SetReply(q)
	a.Authoritative, a.RecursionAvailable = true, true
	asked := q.Question[0]
	for _, i := range rand.Perm(len(addresses)) {
		address := addresses[i]
		if address.Is4() != (asked.Qtype == dns.TypeA) || len(a.Answer) == most {
			continue
		}
		head := dns.RR_Header{Name: asked.Name, Rrtype: asked.Qtype, Class: dns.ClassINET, Ttl: ttl}
		if address.Is4() {
			a.Answer = append(a.Answer, &dns.A{Hdr: head, A: address.AsSlice()})
		} else {
			a.Answer = append(a.Answer, &dns.AAAA{Hdr: head, AAAA: address.AsSlice()})
		}
	}
	return a
}

func failure(q *dns.Msg, code int) *dns.Msg {
	a := &dns.Msg{}
	a.SetRcode(q, code)
	return a
}
