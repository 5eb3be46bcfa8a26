// Package up runs a whole mesh on one machine: Krater's parts, an agent with
// a real Envoy for each workload, and the workloads themselves. It follows the
// configuration: what is added is started, what is removed is ended.
package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/controlplane"
	"github.com/krater-mesh/krater/cmd/krater/state"
	"golang.org/x/sync/errgroup"
)

// Options of a run.
type Options struct {
	Mesh     string // the folder, for messages
	Layout   state.Layout
	Envoy    string // path of the binary
	Parts    []Part // started in this order, each ready before the next
	Separate bool   // each part is a process of its own
	Out      io.Writer
	Quiet    bool // the workloads' output goes to files only
	Logger   *slog.Logger
	// Synced is called once every proxy runs what it was sent; when it
	// returns true, the mesh is ended.
	Synced func(ctx context.Context, client *controlplane.Client) (end bool, err error)
	// Limit is how long the first sync may take.
	Limit time.Duration
}

// errEnd ends the group without being an error.
var errEnd = errors.New("end")

// Run runs the mesh until ctx ends. The mesh's folder is locked by the caller.
func Run(ctx context.Context, o Options) error {
	client := controlplane.NewClient(o.Layout.Path("admin.sock"))
	group, ctx := errgroup.WithContext(ctx)
	for i, p := range o.Parts {
		fmt.Fprintf(o.Out, "starting %s\n", p.Name)
		group.Go(func() error { return o.runPart(ctx, p) })
		err := waitReady(ctx, p)
		if i == 0 && err == nil { // the control plane: it knows what is to run
			err = o.checkFleet(ctx, client)
		}
		if err != nil {
			return endOf(group, err)
		}
	}
	fleet := newFleet(o, client)
	group.Go(func() error { return fleet.run(ctx) })
	group.Go(func() error {
		if err := o.waitSynced(ctx, client); err != nil {
			return err
		}
		if o.Synced == nil {
			return nil
		}
		end, err := o.Synced(ctx, client)
		if err == nil && end {
			err = errEnd
		}
		return err
	})
	err := group.Wait()
	fleet.wait()
	if errors.Is(err, errEnd) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// checkFleet refuses to go on where nothing is to run, or cannot.
func (o Options) checkFleet(ctx context.Context, client *controlplane.Client) error {
	declared, err := client.Fleet(ctx)
	if err != nil {
		return err
	}
	if len(declared.Workloads) == 0 {
		return fmt.Errorf("%s declares no workload to run: add a Mesh object (krater.dev/v1alpha1) with spec.workloads", o.Mesh)
	}
	return CheckPorts(declared)
}

// endOf ends the parts that were started, and gives the reason: the part's
// own where it ended by itself.
func endOf(group *errgroup.Group, reason error) error {
	group.Go(func() error { return reason }) // cancels the group's context
	return group.Wait()
}

// waitSynced shows each proxy as it comes, until all are synced.
func (o Options) waitSynced(ctx context.Context, client *controlplane.Client) error {
	began := time.Now()
	seen := map[string]bool{}
	var last string
	for {
		status, err := client.Status(ctx)
		if err == nil {
			for _, p := range status.Proxies {
				if p.State() == controlplane.Synced && !seen[p.ID] {
					seen[p.ID] = true
					fmt.Fprintf(o.Out, "synced %-36s %d of %d, %.1f s\n", p.ID, len(seen), len(status.Proxies), time.Since(began).Seconds())
				}
			}
			if status.Synced() {
				return nil
			}
			last = status.Waiting()
		} else {
			last = err.Error()
		}
		if o.Limit > 0 && time.Since(began) > o.Limit {
			return fmt.Errorf("not every proxy was synced within %s: %s", o.Limit, last)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}
