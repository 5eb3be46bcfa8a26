package agent

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/krater-mesh/krater/agent/relay"
	"github.com/krater-mesh/krater/agent/sds"
	"github.com/krater-mesh/krater/listen"
)

// lock makes this agent the only one of its folder: two would answer each
// other's Envoy. The kernel lets go of it when the process ends.
func (a *Agent) lock() (unlock func(), err error) {
	for _, dir := range []string{a.o.StateDir, a.o.SocketDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the agent's folder: %w", err)
		}
	}
	f, err := os.OpenFile(filepath.Join(a.o.StateDir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the agent's folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another agent runs in %s: end it, or give this one another --state", a.o.StateDir)
	}
	return func() { f.Close() }, nil
}

// listen opens what Envoy asks, configuration and certificates, and serves it
// until ctx ends.
func (a *Agent) listen(ctx context.Context, group *errgroup.Group, r *relay.Relay, source sds.Source) (ads, secrets string, err error) {
	ads, secrets = a.socket("ads"), a.socket("sds")
	for target, register := range map[string]func(*grpc.Server){
		ads:     r.Register,
		secrets: sds.New(source, a.o.Logger).Register,
	} {
		l, err := listen.On(ctx, target)
		if err != nil {
			return "", "", err
		}
		group.Go(func() error { return serveRPC(ctx, l, register) })
	}
	return ads, secrets, nil
}

func (a *Agent) socket(name string) string {
	return "unix:" + filepath.Join(a.o.SocketDir, name+".sock")
}

// maxRequest is the most bytes that Envoy may say at once: what it has of all
// types, when it comes back.
const maxRequest = 64 << 20

func serveRPC(ctx context.Context, l net.Listener, register func(*grpc.Server)) error {
	g := grpc.NewServer(grpc.MaxRecvMsgSize(maxRequest))
	register(g)
	stop := context.AfterFunc(ctx, g.Stop)
	defer stop()
	if err := g.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serving envoy on %s: %w", l.Addr(), err)
	}
	return nil
}
