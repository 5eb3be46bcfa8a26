package proxyconfig

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// object is a JSON object. A dump is read as plain JSON: it may hold types
// that this program does not know.
type object map[string]any

// Dump is a proxy's whole configuration, private keys left out.
type Dump struct{ sections []object }

// Read reads the answer of /config_dump?include_eds.
func Read(r io.Reader) (Dump, error) {
	var doc struct {
		Configs []object `json:"configs"`
	}
	if err := json.NewDecoder(r).Decode(&doc); err != nil {
		return Dump{}, fmt.Errorf("reading the proxy's configuration: %w", err)
	}
	if len(doc.Configs) == 0 {
		return Dump{}, fmt.Errorf("reading the proxy's configuration: it has no \"configs\": is it the answer of /config_dump?include_eds?")
	}
	for _, c := range doc.Configs {
		hideKeys(map[string]any(c))
	}
	return Dump{doc.Configs}, nil
}

// hideKeys removes what must not be shown. Envoy leaves private keys out of
// its dump; this holds even if it did not.
func hideKeys(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if key == "private_key" || key == "password" || key == "generic_secret" || isKey(value) {
				v[key] = "[hidden]"
				continue
			}
			hideKeys(value)
		}
	case []any:
		for _, value := range v {
			hideKeys(value)
		}
	}
}

// isKey tells whether a value is a private key, wherever it stands.
func isKey(v any) bool {
	text, _ := v.(string)
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
		text += string(decoded)
	}
	return strings.Contains(text, "PRIVATE KEY-----")
}

// all gives the objects of a section: "ClustersConfigDump", the lists, and the
// key that each entry holds its resource under.
func (d Dump) all(section, key string, lists ...string) (out []object) {
	for _, s := range d.sections {
		if !strings.HasSuffix(s.text("@type"), "."+section) {
			continue
		}
		for _, list := range lists {
			for _, entry := range s.list(list) {
				if state := entry.get("active_state"); state != nil {
					entry = state
				}
				if o := entry.get(key); o != nil {
					out = append(out, o)
				}
			}
		}
	}
	return out
}

// get walks to an object; nil where there is none.
func (o object) get(path ...string) object {
	for _, name := range path {
		next, ok := o[name].(map[string]any)
		if !ok {
			return nil
		}
		o = next
	}
	return o
}

// text walks to a value and writes it; "" where there is none.
func (o object) text(path ...string) string {
	switch v := o.get(path[:len(path)-1]...)[path[len(path)-1]].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// list walks to a list of objects.
func (o object) list(path ...string) (out []object) {
	items, _ := o.get(path[:len(path)-1]...)[path[len(path)-1]].([]any)
	for _, item := range items {
		if one, ok := item.(map[string]any); ok {
			out = append(out, one)
		}
	}
	return out
}

// texts walks to a list of texts.
func (o object) texts(path ...string) (out []string) {
	items, _ := o.get(path[:len(path)-1]...)[path[len(path)-1]].([]any)
	for _, item := range items {
		out = append(out, fmt.Sprint(item))
	}
	return out
}

// has tells whether the name is there.
func (o object) has(name string) bool { _, ok := o[name]; return ok }

// address writes a core.v3.Address.
func address(o object) (text, port string) {
	switch {
	case o.get("socket_address") != nil:
		return o.text("socket_address", "address"), o.text("socket_address", "port_value")
	case o.get("pipe") != nil:
		return "unix:" + o.text("pipe", "path"), ""
	case o.get("envoy_internal_address") != nil:
		return "internal:" + o.text("envoy_internal_address", "server_listener_name"), ""
	}
	return "", ""
}

// short is the last word of a type URL.
func short(typeURL string) string { return typeURL[strings.LastIndexAny(typeURL, "./")+1:] }

// dash stands for nothing in a table.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
