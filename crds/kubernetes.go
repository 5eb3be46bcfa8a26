package crds

import (
	"reflect"

	"github.com/krater-mesh/krater/model"
)

// kubernetesKind is a kind of Kubernetes' own, with all of its fields.
func kubernetesKind[T any](name, group string, convert func(*conversion) Content) kind {
	return kind{name: name, group: group, versions: []string{"v1"}, spec: goShape(reflect.TypeFor[T]()), convert: convert}
}

// noSpec is for kinds whose fields stand beside metadata.
func (k kind) noSpec() kind {
	k.top = true
	return k
}

func (k kind) keepsSecrets() kind {
	k.secret = true
	return k
}

// KubeNamespace is a Namespace.
type KubeNamespace struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

type namespaceSpec struct {
	Finalizers []string `json:"finalizers"`
}

func convertNamespace(c *conversion) Content {
	return Content{Namespace: &KubeNamespace{Name: c.object.Ref.Name, Labels: c.metadataLabels()}}
}

// metadataLabels are the object's own labels.
func (c *conversion) metadataLabels() map[string]string {
	out := map[string]string{}
	if n := c.object.Root.Field("metadata").Field("labels"); n != nil {
		for _, f := range n.Fields {
			out[f.Name] = f.Value.Text()
		}
	}
	return out
}

// ignoredProtocol tells of a port that is neither TCP nor nothing.
func (c *conversion) ignoredProtocol(protocol, field string) bool {
	switch protocol {
	case "", "TCP":
		return false
	case "UDP", "SCTP":
		c.ignore(field, "%s is not proxied: the port is left out", protocol)
	default:
		c.add(model.Error, model.CodeInvalidValue, field, "the protocol on top of TCP is appProtocol's to say", "want one of TCP, UDP, SCTP, got %q", protocol)
	}
	return true
}
