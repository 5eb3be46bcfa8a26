package status

import (
	"slices"
	"sort"

	"github.com/krater-mesh/krater/model"
)

// changed names the objects whose part of the snapshot differs.
func changed(before, after *model.Snapshot) []string {
	if before == nil {
		before = &model.Snapshot{}
	}
	c := comparison{was: map[string]string{}, is: map[string]string{}}
	c.mesh(before, after)
	c.workloads(before.Workloads, after.Workloads)
	compare(c, before.Services, after.Services, func(v *model.Service) model.Ref { return v.Object })
	compare(c, before.Gateways, after.Gateways, func(v *model.Gateway) model.Ref { return v.Object })
	compare(c, before.Routes, after.Routes, func(v *model.RouteTable) model.Ref { return v.Object })
	compare(c, before.Destinations, after.Destinations, func(v *model.DestinationPolicy) model.Ref { return v.Object })
	compare(c, before.Sidecars, after.Sidecars, func(v *model.Sidecar) model.Ref { return v.Object })
	compare(c, before.Patches, after.Patches, func(v *model.EnvoyPatch) model.Ref { return v.Object })
	compare(c, before.Secrets, after.Secrets, func(v *model.Secret) model.Ref { return v.Object })
	compare(c, before.Authorization, after.Authorization, func(v *model.AuthorizationPolicy) model.Ref { return v.Object })
	compare(c, before.RequestAuthentications, after.RequestAuthentications, func(v *model.RequestAuthentication) model.Ref { return v.Object })
	compare(c, before.Rego, after.Rego, func(v *model.RegoPolicy) model.Ref { return v.Object })
	compare(c, before.AccessLists, after.AccessLists, func(v *model.AccessList) model.Ref { return v.Object })
	compare(c, before.Limits, after.Limits, func(v *model.Limit) model.Ref { return v.Object })
	compare(c, before.Filters, after.Filters, func(v *model.FilterBinding) model.Ref { return v.Object })
	compare(c, before.Attributes, after.Attributes, func(v *model.AttributeSet) model.Ref { return v.Object })
	compare(c, before.Telemetry, after.Telemetry, func(v *model.TelemetryRule) model.Ref { return v.Object })
	compare(c, before.Backends, after.Backends, func(v *model.TelemetryBackend) model.Ref { return v.Object })
	return c.different()
}

// comparison holds what objects contribute, as one hash each, where the two
// snapshots do not share it.
type comparison struct{ was, is map[string]string }

func (c comparison) different() []string {
	var out []string
	for ref, hash := range c.was {
		if c.is[ref] != hash {
			out = append(out, ref)
		}
	}
	for ref := range c.is {
		if _, was := c.was[ref]; !was {
			out = append(out, ref)
		}
	}
	sort.Strings(out)
	return out
}

func add(to map[string]string, o model.Ref, v any) {
	to[o.String()] = model.Hash([]any{to[o.String()], v})
}

func (c comparison) mesh(before, after *model.Snapshot) {
	for to, m := range map[*map[string]string]model.Mesh{&c.was: before.Mesh, &c.is: after.Mesh} {
		if m.Name != "" {
			add(*to, model.Ref{Kind: "Mesh", Name: m.Name}, m)
		}
	}
}

func (c comparison) workloads(before, after []model.Workload) {
	if len(before) == len(after) && (len(before) == 0 || &before[0] == &after[0]) {
		return
	}
	for _, w := range before {
		add(c.was, w.Object, w)
	}
	for _, w := range after {
		add(c.is, w.Object, w)
	}
}

// compare adds what only one of two lists has. An object may have several
// items in a list: then all of them count.
func compare[T any](c comparison, before, after []*T, object func(*T) model.Ref) {
	if slices.Equal(before, after) {
		return
	}
	differ := map[model.Ref]bool{}
	only := func(list, other []*T) {
		has := make(map[*T]bool, len(other))
		for _, item := range other {
			has[item] = true
		}
		for _, item := range list {
			if !has[item] {
				differ[object(item)] = true
			}
		}
	}
	only(before, after)
	only(after, before)
	for _, item := range before {
		if differ[object(item)] {
			add(c.was, object(item), item)
		}
	}
	for _, item := range after {
		if differ[object(item)] {
			add(c.is, object(item), item)
		}
	}
}
