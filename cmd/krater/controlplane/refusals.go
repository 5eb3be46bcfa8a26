package controlplane

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
)

// refusals makes a Problem of each resource that a client refused: of the
// object that it was made of, where its name and Envoy's words tell that.
func refusals(s *model.Snapshot, w model.Workload, client serve.ClientStatus) model.Problems {
	var out model.Problems
	for typeURL, t := range client.Types {
		for i, name := range t.Refused {
			b := blame{snap: s, w: w, detail: t.Details[i]}
			object, field := b.of(typeURL, name)
			p := model.Problem{Code: model.CodeRejected, Severity: model.Error, Object: object, Field: field, Origin: s.Origin(object),
				Message: fmt.Sprintf("the proxy %s refused %s (%s): %s", client.Node, name, shortType(typeURL), t.Details[i]),
				Fix:     "the last good version stays in force"}
			if object.Name == "" {
				p.Object, p.Field = model.Ref{Kind: "Proxy", Name: client.Node}, shortType(typeURL)
			}
			out = append(out, p)
		}
	}
	return out.Sorted()
}

// blame finds what a refused resource was made of.
type blame struct {
	snap   *model.Snapshot
	w      model.Workload
	detail string
}

func (b blame) of(typeURL, name string) (model.Ref, string) {
	switch typeURL {
	case serve.TypeCluster, serve.TypeEndpoint:
		return b.cluster(name)
	case serve.TypeVirtualHost:
		return b.virtualHost(name)
	case serve.TypeListener:
		return b.one(chosen(b, b.snap.Gateways, func(g *model.Gateway) (model.Ref, model.Selector) { return g.Object, g.Selector }), "spec.servers")
	case serve.TypeExtensionConfig:
		return b.slot(name)
	case serve.TypeSecret:
		return b.secret(name)
	}
	return model.Ref{}, ""
}

// cluster blames the DestinationRule, where there is one, else the service.
func (b blame) cluster(name string) (model.Ref, string) {
	part := strings.SplitN(name, "|", 4)
	if len(part) < 4 || part[0] != "outbound" {
		return model.Ref{}, ""
	}
	svc := b.snap.Service(part[3], b.w.Namespace)
	if svc == nil {
		return model.Ref{}, ""
	}
	field := named(policyFields, b.detail)
	d := b.snap.DestinationFor(svc, b.w)
	if d == nil || field == "" && part[2] == "" {
		return svc.Object, ""
	}
	policy := "spec.trafficPolicy"
	for i, s := range d.Subsets {
		if s.Name == part[2] {
			policy = "spec.subsets[" + strconv.Itoa(i) + "].trafficPolicy"
		}
	}
	return d.Object, policy + field
}

// virtualHost blames the first VirtualService of its host.
func (b blame) virtualHost(name string) (model.Ref, string) {
	_, host, _ := strings.Cut(name, "/")
	if i := strings.LastIndexByte(host, ':'); i > 0 {
		host = host[:i]
	}
	for _, t := range b.snap.Routes {
		for _, h := range t.Hosts {
			if h == host && model.Exported(t.ExportTo, t.Object.Namespace, b.w.Namespace) {
				return t.Object, "spec.http" + named(routeFields, b.detail)
			}
		}
	}
	if svc := b.snap.Service(host, b.w.Namespace); svc != nil {
		return svc.Object, ""
	}
	return model.Ref{}, ""
}

// slot blames what fills the slot: of several objects the one that Envoy names.
func (b blame) slot(name string) (model.Ref, string) {
	slot := name[strings.LastIndexByte(name, '/')+1:]
	switch {
	case slot == "authorization", strings.HasPrefix(slot, "authorization-"), slot == "custom", slot == "custom-after-authn":
		var list []model.Ref
		for _, a := range b.snap.Authorization {
			if a.Selects(b.w) {
				list = append(list, a.Object)
			}
		}
		list = append(list, chosen(b, b.snap.Rego, func(r *model.RegoPolicy) (model.Ref, model.Selector) { return r.Object, r.Selector })...)
		return b.one(list, "spec.rules")
	case strings.HasPrefix(slot, "limit-"):
		return b.one(chosen(b, b.snap.Limits, func(l *model.Limit) (model.Ref, model.Selector) { return l.Object, l.Selector }), "spec.limits")
	case strings.HasPrefix(slot, "wasm-"), strings.HasPrefix(slot, "network-"), name == translate.PreloadSlot:
		return b.filter(strings.HasPrefix(slot, "network-"))
	case slot == "access-lists":
		return b.one(chosen(b, b.snap.AccessLists, func(l *model.AccessList) (model.Ref, model.Selector) { return l.Object, l.Selector }), "spec.entries")
	case slot == "authentication":
		return b.one(authentications(b), "spec.jwtRules")
	case slot == "attributes":
		return b.one(chosen(b, b.snap.Attributes, func(a *model.AttributeSet) (model.Ref, model.Selector) { return a.Object, a.Selector }), "spec.attributes")
	case slot == "http":
		return b.one(chosen(b, b.snap.Telemetry, func(t *model.TelemetryRule) (model.Ref, model.Selector) { return t.Object, t.Selector }), "spec")
	}
	return model.Ref{}, ""
}

// authentications are those of the workload.
func authentications(b blame) []model.Ref {
	var out []model.Ref
	for _, a := range b.snap.RequestAuthentications {
		if a.Selects(b.w) {
			out = append(out, a.Object)
		}
	}
	return out
}

// filter blames one of connections, or of requests: of what Envoy says of a
// script, it is that of a TrafficExtension.
func (b blame) filter(network bool) (model.Ref, string) {
	fields := map[string]string{"Filter": "spec.config", "WasmPlugin": "spec.pluginConfig", "TrafficExtension": "spec.wasm.pluginConfig"}
	script := strings.Contains(b.detail, "script load error")
	var list []model.Ref
	for _, f := range b.snap.FiltersFor(b.w) {
		if (f.Type == model.FilterNetwork) == network && (f.Type == model.FilterLua) == script {
			list = append(list, f.Object)
		}
	}
	ref, _ := b.one(list, "")
	if script && ref.Name != "" {
		return ref, "spec.lua.inlineCode"
	}
	return ref, fields[ref.Kind]
}

func (b blame) secret(name string) (model.Ref, string) {
	key := strings.TrimSuffix(strings.TrimPrefix(name, "kubernetes://"), "-cacert")
	for _, s := range b.snap.Secrets {
		if s.Object.Key() == key {
			return s.Object, ""
		}
	}
	return model.Ref{}, ""
}

// chosen are the objects that select the proxy.
func chosen[T any](b blame, list []*T, of func(*T) (model.Ref, model.Selector)) []model.Ref {
	var out []model.Ref
	for _, x := range list {
		if ref, selector := of(x); selector.Matches(b.w) {
			out = append(out, ref)
		}
	}
	return out
}

// one is the only object, or the one that Envoy's words name.
func (b blame) one(list []model.Ref, field string) (model.Ref, string) {
	for _, ref := range list {
		if len(list) == 1 || strings.Contains(b.detail, ref.Key()) {
			return ref, field
		}
	}
	return model.Ref{}, ""
}

// fieldName is a word of Envoy's and the field that it comes from.
type fieldName struct{ word, field string }

// In the order in which they are looked for.
var (
	policyFields = []fieldName{
		{"outlier", ".outlierDetection"}, {"circuit", ".connectionPool"}, {"threshold", ".connectionPool"},
		{"connecttimeout", ".connectionPool.tcp.connectTimeout"}, {"keepalive", ".connectionPool.tcp.tcpKeepalive"},
		{"ring", ".loadBalancer"}, {"maglev", ".loadBalancer"}, {"lbconfig", ".loadBalancer"}, {"load_balanc", ".loadBalancer"}, {"locality", ".loadBalancer.localityLbSetting"},
		{"tls", ".tls"}, {"certificate", ".tls"}, {"transport", ".tls"},
	}
	routeFields = []fieldName{
		{"regex", ".match"}, {"routematch", ".match"}, {"weight", ".route.weight"}, {"cluster", ".route.destination"}, {"retry", ".retries"},
		{"cors", ".corsPolicy"}, {"redirect", ".redirect"}, {"mirror", ".mirrors"}, {"rewrite", ".rewrite"}, {"header", ".headers"}, {"timeout", ".timeout"},
	}
)

// named is the first field whose word a text has.
func named(fields []fieldName, text string) string {
	text = strings.ToLower(text)
	for _, f := range fields {
		if strings.Contains(text, f.word) {
			return f.field
		}
	}
	return ""
}
