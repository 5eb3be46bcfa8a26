package inject

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// Names of the sidecar's volumes.
const (
	stateVolume = "krater-state"
	tokenVolume = "krater-token"
	rootVolume  = "krater-root"
)

var ours = map[string]bool{stateVolume: true, tokenVolume: true, rootVolume: true}

const (
	// rootConfigMap has the mesh's root certificates, in each namespace.
	rootConfigMap = "krater-ca-root-cert"
	// tokenAudience is whom the service account's token is for: one that is
	// stolen from the sidecar opens nothing at the API server.
	tokenAudience = "krater-ca"
	tokenSeconds  = 43200
)

// volumes adds the sidecar's, and those that its annotations ask for.
func (p *pod) volumes() error {
	spec, err := child(p.template, "spec", yaml.MappingNode)
	if err != nil {
		return err
	}
	list, err := child(spec, "volumes", yaml.SequenceNode)
	if err != nil {
		return err
	}
	all := []any{
		// In memory: the private key never reaches a disk.
		volume{Name: stateVolume, EmptyDir: &emptyDir{Medium: "Memory", SizeLimit: "256Mi"}},
		volume{Name: tokenVolume, Projected: &projected{[]projection{{accountToken{tokenAudience, tokenSeconds, "krater-token"}}}}},
		volume{Name: rootVolume, ConfigMap: &configMap{rootConfigMap}},
	}
	return add(list, false, append(all, p.settings.volumes...)...)
}

// mark writes down what was added, in Istio's form, and lets others speak TLS
// to the Pod.
func (p *pod) mark() error {
	metadata, err := child(p.template, "metadata", yaml.MappingNode)
	if err != nil {
		return err
	}
	labels, err := child(metadata, "labels", yaml.MappingNode)
	if err != nil {
		return err
	}
	if index(labels, "security.istio.io/tlsMode") < 0 {
		if err := set(labels, "security.istio.io/tlsMode", "istio"); err != nil {
			return err
		}
	}
	annotations, err := child(metadata, "annotations", yaml.MappingNode)
	if err != nil {
		return err
	}
	type added struct {
		InitContainers []string `json:"initContainers"`
		Containers     []string `json:"containers"`
		Volumes        []string `json:"volumes"`
	}
	a := added{[]string{}, []string{}, []string{stateVolume, tokenVolume, rootVolume}}
	if p.redirects() {
		a.InitContainers = append(a.InitContainers, InitName)
	}
	if p.settings.native {
		a.InitContainers = append(a.InitContainers, SidecarName)
	} else {
		a.Containers = append(a.Containers, SidecarName)
	}
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return set(annotations, statusName, string(text))
}
