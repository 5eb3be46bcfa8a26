package crds

import (
	"github.com/krater-mesh/krater/model"
)

// ConfigField is where an object of a kind holds its filter's configuration.
func ConfigField(kind string) string {
	switch kind {
	case "WasmPlugin":
		return "spec.pluginConfig"
	case "TrafficExtension":
		return "spec.wasm.pluginConfig"
	}
	return "spec.config"
}

// secretRefs are the Secrets that a configuration names. at is its field. In
// what it gives the references say their namespace: so they stand in a proxy's
// configuration, where nothing else says it.
func (c *conversion) secretRefs(config, at string) (string, []model.FilterSecret) {
	var out []model.FilterSecret
	qualified, err := model.MapSecretRefs(config, func(path string, ref any) any {
		r, ok := model.SecretRefOf(ref, "")
		if path != "" {
			path = "." + path
		}
		if !ok || r.Namespace != "" {
			c.add(model.Error, model.CodeInvalidValue, at+path+".secretRef", "a Secret is of the object's own namespace", "want a Secret's name and one of its keys: {name: NAME, key: KEY}")
			return nil
		}
		out = append(out, model.FilterSecret{Field: at + path, Name: r.Name, Key: r.Key})
		return map[string]any{"secretRef": map[string]any{"namespace": c.object.Ref.Namespace, "name": r.Name, "key": r.Key}}
	})
	if err != nil {
		c.bad(at, "it cannot be read: %v", err)
	}
	return qualified, out
}
