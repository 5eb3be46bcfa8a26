package listen

import (
	"context"
	"crypto/tls"

	"google.golang.org/grpc"
)

// Network is what a daemon does where it is reached over a network: mutual
// TLS, by which it knows who is at the other end.
type Network struct {
	Server *tls.Config // of the addresses that proxies of other machines reach
	// Dial is how the control plane is reached where it serves agents. Nil: in
	// plain text, on its socket for this machine's daemons.
	Dial []grpc.DialOption
	// Caller is the workload at the other end of a call, by its certificate; an
	// error refuses the call.
	Caller func(context.Context) (namespace, workload string, err error)
	// Plain lets anybody who reaches a "host:port" of this machine's own speak
	// there, in plain text.
	Plain bool
}
