package crds

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// coreKinds are Kubernetes' own of the group without a name.
var coreKinds = []string{"Binding", "ConfigMap", "Event", "LimitRange", "Node", "PersistentVolume", "PersistentVolumeClaim",
	"Pod", "PodTemplate", "ReplicationController", "ResourceQuota", "ServiceAccount"}

// kubernetesGroups are those of Kubernetes whose kinds say nothing of traffic.
var kubernetesGroups = []string{"apps", "batch", "autoscaling", "policy", "admissionregistration.k8s.io", "apiextensions.k8s.io",
	"apiregistration.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "flowcontrol.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io",
	"rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io"}

// insteadOf are kinds of Kubernetes that do say something of traffic, and
// what to write for it here.
var insteadOf = map[string]string{
	"Endpoints":     "write an EndpointSlice",
	"Ingress":       "write a Gateway and a VirtualService",
	"NetworkPolicy": "write an AuthorizationPolicy",
}

// foreign tells of the rest of what people's files hold. Krater does not run
// it, and it hurts nobody.
func (c *conversion) foreign() bool {
	group, _, named := strings.Cut(c.object.APIVersion, "/")
	kind := c.object.Ref.Kind
	fix := insteadOf[kind]
	switch {
	case !named && group == "v1" && (slices.Contains(coreKinds, kind) || fix != ""), named && slices.Contains(kubernetesGroups, group):
	default:
		return false
	}
	if fix != "" {
		c.add(model.Warning, model.CodeNotSupported, "kind", fix, "a %s has no effect", kind)
		return true
	}
	c.add(model.Info, model.CodeNotSupported, "kind", "", "a %s is Kubernetes' to run: it has no effect", kind)
	return true
}
