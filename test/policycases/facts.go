package policycases

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/policyd/rego"
)

// Facts are what a proxy knows of the request when it decides.
func (r Request) Facts() (explain.RequestFacts, error) {
	plain, err := r.Plain()
	if err != nil {
		return explain.RequestFacts{}, err
	}
	v := explain.View{Method: orText(plain.Method, "GET"), Scheme: orText(plain.Scheme, "http"), Authority: plain.Host,
		Path: orText(r.Normalized, orText(plain.Path, "/")), Headers: explain.Headers{}, Peer: plain.Source.Address, Port: plain.Target.Port}
	for _, h := range plain.Headers {
		name := strings.ToLower(h.Name)
		v.Headers[name] = append(v.Headers[name], h.Value)
	}
	out := explain.RequestFacts{View: v, Principal: plain.Source.Principal, Protocol: orText(plain.Protocol, "HTTP/1.1"), SNI: r.SNI,
		SourcePort: plain.Source.Port, Target: plain.Target.Address, Time: float64(time.Now().Unix()), Attributes: attributes(plain.Declared)}
	if r.Claims == nil {
		return out, nil
	}
	text, err := json.Marshal(r.Claims)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(text, &out.Claims)
}

// attributes are declared ones, as a proxy compares them: numbers and booleans
// as such, the rest as the text that it is.
func attributes(declared []rego.Declared) map[string]any {
	out := map[string]any{}
	for _, d := range declared {
		switch d.Type {
		case "int", "double":
			out[d.Name] = json.Number(d.Value)
		case "bool":
			out[d.Name] = d.Value == "true"
		default:
			out[d.Name] = d.Value
		}
	}
	return out
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
