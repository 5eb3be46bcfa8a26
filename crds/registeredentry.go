package crds

import (
	"fmt"
	"net/netip"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/model"
)

type registeredEntry struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	Metadata   registeredMetadata `json:"metadata"`
	Spec       registeredSpec     `json:"spec"`
	Status     *registeredStatus  `json:"status,omitempty"`
}

type registeredMetadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Annotations map[string]string `json:"annotations"`
}

type registeredSpec struct {
	Address        string            `json:"address"`
	Ports          map[string]uint32 `json:"ports,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"`
	Network        string            `json:"network,omitempty"`
	Locality       string            `json:"locality,omitempty"`
	Weight         uint32            `json:"weight,omitempty"`
	ServiceAccount string            `json:"serviceAccount,omitempty"`
}

type registeredStatus struct {
	Conditions []registeredCondition `json:"conditions,omitempty"`
}

type registeredCondition struct {
	Type               string `json:"type"`
	Status             string `json:"status"`
	Message            string `json:"message,omitempty"`
	LastTransitionTime string `json:"lastTransitionTime,omitempty"`
}

// ReadRegistration reads what WorkloadEntry wrote, all but the group itself:
// its namespace and name.
func ReadRegistration(text []byte) (r Registration, group model.Ref, err error) {
	var e registeredEntry
	if err := yaml.UnmarshalStrict(text, &e); err != nil {
		return r, group, fmt.Errorf("reading a registered WorkloadEntry: %w", err)
	}
	address, err := netip.ParseAddr(e.Spec.Address)
	if err != nil {
		return r, group, fmt.Errorf("reading a registered WorkloadEntry: %w", err)
	}
	group = model.Ref{Kind: "WorkloadGroup", Namespace: e.Metadata.Namespace, Name: e.Metadata.Annotations[annotationGroup]}
	if e.Kind != "WorkloadEntry" || group.Name == "" || group.Namespace == "" || e.Metadata.Name != model.MemberName(group.Name, address) {
		return r, group, fmt.Errorf("%s %s/%s was not written by a registration", e.Kind, e.Metadata.Namespace, e.Metadata.Name)
	}
	r = Registration{Address: e.Spec.Address}
	r.Connected, _ = time.Parse(time.RFC3339Nano, e.Metadata.Annotations[annotationConnected])
	r.Disconnected, _ = time.Parse(time.RFC3339Nano, e.Metadata.Annotations[annotationDisconnected])
	if e.Status != nil {
		for _, c := range e.Status.Conditions {
			if c.Type == conditionHealthy {
				since, _ := time.Parse(time.RFC3339Nano, c.LastTransitionTime)
				r.Health = &Health{Healthy: c.Status == "True", Message: c.Message, Since: since}
			}
		}
	}
	return r, group, nil
}

// maxReason bounds what is told of why a workload is not well.
const maxReason = 200

// registeredHealth is what the object's status says. A workload that is
// probed is served after its first good answer only.
func (c *conversion) registeredHealth() model.Health {
	conditions := c.object.Root.Field("status").Field("conditions")
	if conditions != nil {
		for _, n := range conditions.Items {
			if n.Field("type").Text() != conditionHealthy {
				continue
			}
			if n.Field("status").Text() == "True" {
				return model.Healthy
			}
			why := n.Field("message").Text() // the agent's words: they may be anything
			c.add(model.Warning, model.CodeNotWell, "status.conditions", "", "it is not called: its agent says %q", why[:min(len(why), maxReason)])
			return model.Unhealthy
		}
	}
	if c.object.Annotation(annotationHealthChecks) == "true" {
		return model.Unhealthy
	}
	return model.Healthy
}
