package crds

import (
	"fmt"
	"maps"
	"net/netip"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/model"
)

// The annotations of a WorkloadEntry that an agent's registration made.
const (
	annotationGroup        = "istio.io/autoRegistrationGroup"
	annotationConnected    = "istio.io/connectedAt"
	annotationDisconnected = "istio.io/disconnectedAt"
	annotationHealthChecks = "proxy.istio.io/health-checks-enabled"
	conditionHealthy       = "Healthy"
)

// Registration is a workload that registered itself by its group.
type Registration struct {
	Group        *model.WorkloadGroup
	Address      string // its own: all else is the group's
	Connected    time.Time
	Disconnected time.Time // zero: it is there
	// Health is what its agent said last; nil: nothing yet.
	Health *Health
}

// Health is what an agent says of its application.
type Health struct {
	Healthy bool
	Message string // why it is not
	Since   time.Time
}

// WorkloadEntry is what is declared of a registration, as YAML: equal
// registrations give equal bytes.
func (r Registration) WorkloadEntry() ([]byte, error) {
	address, err := netip.ParseAddr(r.Address)
	if err != nil || address.Zone() != "" || address.IsUnspecified() || address.IsMulticast() {
		return nil, fmt.Errorf("registering a workload of %s: %q is no IP address of a machine", r.Group.Object, r.Address)
	}
	t := r.Group.Template
	labels := map[string]string{labelTLSMode: tlsModeIstio}
	maps.Copy(labels, r.Group.Labels)
	spec := registeredSpec{Address: address.String(), Ports: t.Ports, Labels: labels, Weight: t.Weight,
		Network: t.Network, Locality: t.Locality, ServiceAccount: t.ServiceAccount}
	entry := registeredEntry{APIVersion: "networking.istio.io/v1", Kind: "WorkloadEntry", Spec: spec,
		Metadata: registeredMetadata{Name: model.MemberName(r.Group.Object.Name, address), Namespace: r.Group.Object.Namespace, Annotations: r.annotations()}}
	if h := r.Health; h != nil {
		status := "False"
		if h.Healthy {
			status = "True"
		}
		entry.Status = &registeredStatus{Conditions: []registeredCondition{{Type: conditionHealthy, Status: status, Message: h.Message, LastTransitionTime: stamp(h.Since)}}}
	}
	out, err := yaml.Marshal(entry)
	if err != nil {
		return nil, fmt.Errorf("writing the WorkloadEntry of %s: %w", r.Address, err)
	}
	return out, nil
}

func (r Registration) annotations() map[string]string {
	out := map[string]string{}
	maps.Copy(out, r.Group.Annotations)
	out[annotationGroup] = r.Group.Object.Name
	out[annotationConnected] = stamp(r.Connected)
	if !r.Disconnected.IsZero() {
		out[annotationDisconnected] = stamp(r.Disconnected)
	}
	if r.Group.Probe != nil {
		out[annotationHealthChecks] = "true"
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
