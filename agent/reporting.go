package agent

import (
	"context"
	"sync"
	"time"

	"github.com/krater-mesh/krater/agent/admin"
	"github.com/krater-mesh/krater/agent/filters"
	"github.com/krater-mesh/krater/agent/proxyreport"
	"github.com/krater-mesh/krater/agent/relay"
)

// DefaultReportEvery is how often the control plane is told of the proxy.
const DefaultReportEvery = 5 * time.Second

// process is the Envoy that runs now, for those who look at it.
type process struct {
	filters *filters.Keeper
	mu      sync.Mutex
	now     proxyreport.Process
	begun   bool
}

func (p *process) began(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun {
		p.now.Restarts++
	}
	p.begun, p.now.PID, p.now.Started = true, pid, time.Now()
	noCore(pid)
	p.filters.Began(pid)
}

func (p *process) ended() (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.PID = 0
	return p.filters.Ended()
}

func (p *process) get() proxyreport.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// report tells the control plane how the proxy is, until ctx ends. An Envoy
// that does not answer is not reported: what was told last stays.
func (a *Agent) report(ctx context.Context, r *relay.Relay, p *process) error {
	ticks := time.NewTicker(a.o.ReportEvery)
	defer ticks.Stop()
	for {
		if now := p.get(); now.PID != 0 {
			if report, err := proxyreport.Take(ctx, admin.Page(a.o.Proxy.admin()), now, time.Now()); err == nil {
				report.Filters = p.filters.Report(time.Now())
				if err := r.ReportProxy(report); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}
