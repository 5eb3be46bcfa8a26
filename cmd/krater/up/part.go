package up

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/krater-mesh/krater/agent"
)

// Part is one of Krater's own: the control plane, policyd, the collector.
type Part struct {
	Name  string
	Run   func(ctx context.Context) error // in this process, until ctx ends
	Args  []string                        // the command line that runs it as a process of its own
	Ready []string                        // Unix sockets that answer once it is up
}

// readyWithin is how long a part may take to its first answer.
const readyWithin = 60 * time.Second

func (o Options) runPart(ctx context.Context, p Part) error {
	if !o.Separate {
		if err := p.Run(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding krater's own binary: %w", err)
	}
	child := agent.Process{
		Name: p.Name, Path: self, Args: p.Args, Env: os.Environ(),
		Output: newPrefix(o.Out, p.Name), PIDFile: o.Layout.Path(p.Name + ".pid"), Logger: o.Logger,
	}
	return child.Run(ctx)
}

// waitReady waits until each of the part's sockets takes a connection.
func waitReady(ctx context.Context, p Part) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for _, socket := range p.Ready {
		for {
			conn, err := net.Dial("unix", strings.TrimPrefix(socket, "unix:"))
			if err == nil {
				conn.Close()
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s does not answer on %s: %w", p.Name, socket, err)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}
