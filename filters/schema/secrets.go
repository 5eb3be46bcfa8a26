package schema

import "strconv"

// plainSecrets warns of secrets that stand in the configuration themselves:
// whoever may see the proxy's configuration sees them. A schema says by
// writeOnly what is a secret.
func plainSecrets(schema, value any, at string) []Finding {
	s, _ := schema.(map[string]any)
	if s == nil {
		return nil
	}
	var out []Finding
	switch v := value.(type) {
	case string:
		if s["writeOnly"] == true && v != "" {
			out = append(out, Finding{Field: at, Warning: true, Text: "is a secret in plain text: every dump of the proxy's configuration shows it"})
		}
	case []any:
		for i, item := range v {
			out = append(out, plainSecrets(s["items"], item, at+"["+strconv.Itoa(i)+"]")...)
		}
	case map[string]any:
		properties, _ := s["properties"].(map[string]any)
		for name, item := range v {
			of, ok := properties[name]
			if !ok {
				of = s["additionalProperties"]
			}
			out = append(out, plainSecrets(of, item, join(at, name))...)
		}
	}
	return out
}
