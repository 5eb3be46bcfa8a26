package translate

import (
	"maps"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/krater-mesh/krater/model"
)

// changeHeaders adds header changes to a route, or to one share of it. Host is
// not a header to Envoy: hostChange has it. No other pseudo header may change.
func (b *routing) changeHeaders(to any, c RouteChoice, h model.HeaderChanges) {
	for _, ops := range []model.HeaderOps{h.Request, h.Response} {
		for _, name := range append(append(slices.Sorted(maps.Keys(ops.Set)), slices.Sorted(maps.Keys(ops.Add))...), ops.Remove...) {
			if strings.HasPrefix(name, ":") && !strings.EqualFold(name, ":authority") && c.Table != nil {
				b.notSupported(c.Table.Object, "spec.http["+c.Route.Name+"].headers",
					"the pseudo header "+name+" cannot be changed here; it is left as it is", "use rewrite, or leave it out")
			}
		}
	}
	add, remove := headerOptions(h.Request), removals(h.Request)
	addBack, removeBack := headerOptions(h.Response), removals(h.Response)
	switch to := to.(type) {
	case *routev3.Route:
		to.RequestHeadersToAdd = append(to.RequestHeadersToAdd, add...)
		to.RequestHeadersToRemove = append(to.RequestHeadersToRemove, remove...)
		to.ResponseHeadersToAdd = append(to.ResponseHeadersToAdd, addBack...)
		to.ResponseHeadersToRemove = append(to.ResponseHeadersToRemove, removeBack...)
	case *routev3.WeightedCluster_ClusterWeight:
		to.RequestHeadersToAdd, to.RequestHeadersToRemove = add, remove
		to.ResponseHeadersToAdd, to.ResponseHeadersToRemove = addBack, removeBack
	}
}

func headerOptions(o model.HeaderOps) []*corev3.HeaderValueOption {
	var out []*corev3.HeaderValueOption
	for _, part := range []struct {
		values map[string]string
		action corev3.HeaderValueOption_HeaderAppendAction
	}{
		{o.Set, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD},
		{o.Add, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD},
	} {
		for _, name := range slices.Sorted(maps.Keys(part.values)) {
			if pseudo(name) {
				continue
			}
			out = append(out, &corev3.HeaderValueOption{
				Header:         &corev3.HeaderValue{Key: name, Value: part.values[name]},
				AppendAction:   part.action,
				KeepEmptyValue: true,
			})
		}
	}
	return out
}

func removals(o model.HeaderOps) []string {
	return slices.DeleteFunc(slices.Clone(o.Remove), pseudo)
}

// pseudo tells whether Envoy keeps a header from being changed as one.
func pseudo(name string) bool { return strings.HasPrefix(name, ":") || strings.EqualFold(name, "host") }

// hostChange is what Host is set to, or added as, which is the same: there is
// one only. "" leaves it.
func hostChange(h model.HeaderChanges) string {
	for _, values := range []map[string]string{h.Request.Set, h.Request.Add} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority") {
				return values[name]
			}
		}
	}
	return ""
}
