package daemon

import (
	"context"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Dial is how a daemon reaches a control plane where it serves agents. It does
// not come before it has a certificate: that would be one refusal at each start.
func (i *Identity) Dial() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(i.ClientTLS())),
		grpc.WithContextDialer(func(ctx context.Context, target string) (net.Conn, error) {
			if _, err := i.Wait(ctx); err != nil {
				return nil, err
			}
			network := "tcp"
			if path, ok := strings.CutPrefix(target, "unix:"); ok {
				network, target = "unix", strings.TrimPrefix(path, "//")
			}
			return (&net.Dialer{}).DialContext(ctx, network, target)
		}),
	}
}
