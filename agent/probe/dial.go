package probe

import (
	"context"
	"net"
	"net/netip"
)

// appSource is where a proxy that connections are redirected to calls its
// application from: the redirect leaves such calls alone.
var appSource = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 6)}

// dial connects to an application. One that is asked on the machine's own
// address gets to see the question itself, not its proxy.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if to, err := netip.ParseAddrPort(address); err == nil && to.Addr().Is4() && !to.Addr().IsLoopback() && own(to.Addr()) {
		d.LocalAddr = appSource
	}
	return d.DialContext(ctx, network, address)
}

// own tells whether an address is one of this machine's.
func own(a netip.Addr) bool {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, x := range list {
		if n, ok := x.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == a {
				return true
			}
		}
	}
	return false
}
