package controlplane

import (
	"context"
	"os"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/admission"
	"github.com/krater-mesh/krater/model"
)

// deniedInterval is how often the file of denied workloads is looked at.
const deniedInterval = time.Second

// readDenied puts the file of denied workloads in force.
func (c *ControlPlane) readDenied() error {
	denied, problems, err := admission.ReadDenied(c.o.Denied)
	if err != nil {
		return err
	}
	c.gate.SetDenied(denied)
	c.noteDenied(problems)
	return nil
}

// followDenied keeps it in force until ctx ends. A file that cannot be read
// lets nobody in again: what it said before counts.
func (c *ControlPlane) followDenied(ctx context.Context) {
	last, _ := os.Stat(c.o.Denied)
	ticker := time.NewTicker(deniedInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, err := os.Stat(c.o.Denied)
		if err == nil && last != nil && os.SameFile(last, now) && last.ModTime().Equal(now.ModTime()) && last.Size() == now.Size() || now == nil && last == nil {
			continue
		}
		last = now
		if err := c.readDenied(); err != nil {
			c.noteDenied(model.Problems{{Code: model.CodeSyntax, Severity: model.Error, Message: err.Error(),
				Fix: "until it can be read, those whom it denied before are denied", Origin: model.Origin{File: c.o.Denied}}})
		}
	}
}

func (c *ControlPlane) noteDenied(problems model.Problems) {
	c.report(problems)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deniedProblems = problems
}
