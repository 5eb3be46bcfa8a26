package relay

import (
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
)

// typeHealth is Istio's, by which an agent tells how its application is.
const typeHealth = "type.googleapis.com/istio.v1.HealthInformation"

// Report tells the control plane whether the application is healthy, and why
// not. The newest is told again on each new connection.
func (r *Relay) Report(healthy bool, why string) {
	req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeHealth}
	if !healthy {
		req.ErrorDetail = &rpcstatus.Status{Code: int32(codes.Unavailable), Message: why}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report = req
	for wake := range r.reports {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

func (r *Relay) newestReport() *discoveryv3.DeltaDiscoveryRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.report
}

// reporter is woken by each new report.
func (r *Relay) reporter() chan struct{} {
	wake := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports[wake] = struct{}{}
	return wake
}

func (r *Relay) silent(wake chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.reports, wake)
}
