package controlplane

import (
	"errors"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/krater-mesh/krater/model"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// reportGood is for how long a report says something: an agent that is there
// makes a new one every few seconds.
const reportGood = time.Minute

// proxyReports are the newest of each proxy.
type proxyReports struct {
	mu     sync.Mutex
	newest map[string]model.ProxyReport // by node
}

// reportProxy takes in what an agent says of its proxy. The time is that of
// this machine: the other's clock may be wrong.
func (c *ControlPlane) reportProxy(node string, req *discovery.DeltaDiscoveryRequest) {
	report, err := readReport(req)
	if err != nil {
		c.o.Logger.Warn("an agent's report of its proxy is left aside", "node", node, "reason", err)
		return
	}
	report.At = time.Now()
	c.proxies.mu.Lock()
	defer c.proxies.mu.Unlock()
	if c.proxies.newest == nil {
		c.proxies.newest = map[string]model.ProxyReport{}
	}
	c.proxies.newest[node] = report
}

func readReport(req *discovery.DeltaDiscoveryRequest) (model.ProxyReport, error) {
	details := req.GetErrorDetail().GetDetails()
	if len(details) != 1 {
		return model.ProxyReport{}, errors.New("it holds no report")
	}
	body := &wrapperspb.BytesValue{}
	if err := details[0].UnmarshalTo(body); err != nil {
		return model.ProxyReport{}, err
	}
	return model.ReadProxyReport(body.GetValue())
}

// reports are the newest of the proxies of now, by their ids. One that has not
// reported for a while is not among them.
func (c *ControlPlane) reports() map[string]model.ProxyReport {
	snapshot := c.now().snapshot
	if snapshot == nil {
		return nil
	}
	c.proxies.mu.Lock()
	defer c.proxies.mu.Unlock()
	out, kept := map[string]model.ProxyReport{}, map[string]model.ProxyReport{}
	for _, w := range snapshot.Workloads {
		report, ok := c.proxies.newest[w.ID()]
		if !ok {
			continue
		}
		kept[w.ID()] = report
		if time.Since(report.At) < reportGood {
			out[w.ID()] = report
		}
	}
	c.proxies.newest = kept // the others' are of the mesh no more
	return out
}
