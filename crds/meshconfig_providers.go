package crds

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/krater-mesh/krater/model"
)

// providers are what policies and telemetry name as the ones to ask or tell.
func (c *conversion) providers(in []*meshconfig.MeshConfig_ExtensionProvider, field string) []model.Provider {
	var out []model.Provider
	seen := map[string]bool{}
	for i, p := range in {
		at := index(field, i)
		switch {
		case p.GetName() == "":
			c.missing(at+".name", "a provider has a name")
		case seen[p.GetName()]:
			c.bad(at+".name", "the name %s is given twice", p.GetName())
		}
		seen[p.GetName()] = true
		if m, ok := c.provider(p, at); ok {
			out = append(out, m)
		}
	}
	return out
}

// provider keeps the one field that says what kind of provider it is.
func (c *conversion) provider(p *meshconfig.MeshConfig_ExtensionProvider, at string) (model.Provider, bool) {
	m := p.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("provider"))
	if f == nil {
		if !c.reported(at) {
			c.missing(at, "a provider is of some kind: envoyExtAuthzGrpc, opentelemetry, ...")
		}
		return model.Provider{}, false
	}
	b, err := protojson.Marshal(m.Get(f).Message().Interface())
	if err != nil {
		c.bad(at, "reading the provider: %v", err)
		return model.Provider{}, false
	}
	var config bytes.Buffer // protojson's spaces differ from build to build
	if err := json.Compact(&config, b); err != nil {
		c.bad(at, "reading the provider: %v", err)
		return model.Provider{}, false
	}
	out := model.Provider{Name: p.GetName(), Kind: f.JSONName(), Config: config.Bytes()}
	switch {
	case p.GetEnvoyExtAuthzHttp() != nil:
		out.ExtAuthz = c.httpProvider(p.GetEnvoyExtAuthzHttp(), at+".envoyExtAuthzHttp")
	case p.GetEnvoyExtAuthzGrpc() != nil:
		out.ExtAuthz = c.grpcProvider(p.GetEnvoyExtAuthzGrpc(), at+".envoyExtAuthzGrpc")
	default:
		c.ignore(at, "the provider is kept, and told nothing yet: Istio's Telemetry comes later")
	}
	return out, true
}
