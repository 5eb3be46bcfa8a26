package relay

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
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
	r.tell(req)
}

// ReportProxy tells the control plane how the proxy is, likewise.
func (r *Relay) ReportProxy(report model.ProxyReport) error {
	text, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("encoding the report of the proxy: %w", err)
	}
	body, err := anypb.New(wrapperspb.Bytes(text))
	if err != nil {
		return fmt.Errorf("encoding the report of the proxy: %w", err)
	}
	// Of a request's fields this one alone holds what is not a name.
	r.tell(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: model.TypeProxyReport, ErrorDetail: &rpcstatus.Status{Details: []*anypb.Any{body}}})
	return nil
}

// tell makes a report the newest of its type.
func (r *Relay) tell(req *discoveryv3.DeltaDiscoveryRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report[req.GetTypeUrl()] = req
	for wake, news := range r.reports {
		news[req.GetTypeUrl()] = true
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// newestReports are those of all types.
func (r *Relay) newestReports() []*discoveryv3.DeltaDiscoveryRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.report))
}

// newReports are those that came since the reporter asked last.
func (r *Relay) newReports(wake chan struct{}) (out []*discoveryv3.DeltaDiscoveryRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for typeURL := range r.reports[wake] {
		out = append(out, r.report[typeURL])
		delete(r.reports[wake], typeURL)
	}
	return out
}

// reporter is woken by each new report.
func (r *Relay) reporter() chan struct{} {
	wake := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports[wake] = map[string]bool{}
	return wake
}

func (r *Relay) silent(wake chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.reports, wake)
}
