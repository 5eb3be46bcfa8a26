package crds

import (
	"encoding/json"
)

const dockerConfig = ".dockerconfigjson"

// registries takes what a pull Secret has, without a word of its content. It
// tells whether the Secret is one.
func (c *conversion) registries(out *SecretData, kind string, data secretParts) bool {
	part, ok := data[dockerConfig]
	if !ok && kind != "kubernetes.io/dockerconfigjson" {
		return false
	}
	var config struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	switch {
	case !ok:
		c.missing("data", "a Secret of type kubernetes.io/dockerconfigjson has %s", dockerConfig)
	case c.reported(part.field):
	case json.Unmarshal(part.value, &config) != nil || config.Auths == nil:
		c.bad(part.field, "it is not docker's configuration: want JSON with auths")
	default:
		out.Registries = part.value
	}
	return true
}
