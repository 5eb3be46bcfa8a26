package status

import (
	"sort"

	"github.com/krater-mesh/krater/model"
)

// changed names the objects whose part of the snapshot differs.
func changed(before, after *model.Snapshot) []string {
	if before == nil {
		before = &model.Snapshot{}
	}
	a, b := parts(before), parts(after)
	var out []string
	for ref := range a {
		if _, stays := b[ref]; !stays || a[ref] != b[ref] {
			out = append(out, ref)
		}
	}
	for ref := range b {
		if _, was := a[ref]; !was {
			out = append(out, ref)
		}
	}
	sort.Strings(out)
	return out
}

// parts gives what each object contributes, as one hash.
func parts(s *model.Snapshot) map[string]string {
	out := map[string]string{}
	add := func(o model.Ref, v any) { out[o.String()] = model.Hash([]any{out[o.String()], v}) }
	if s.Mesh.Name != "" {
		add(model.Ref{Kind: "Mesh", Name: s.Mesh.Name}, s.Mesh)
	}
	for _, v := range s.Workloads {
		add(v.Object, v)
	}
	for _, v := range s.Services {
		add(v.Object, v)
	}
	for _, v := range s.Gateways {
		add(v.Object, v)
	}
	for _, v := range s.Routes {
		add(v.Object, v)
	}
	for _, v := range s.Destinations {
		add(v.Object, v)
	}
	for _, v := range s.Authorization {
		add(v.Object, v)
	}
	for _, v := range s.Rego {
		add(v.Object, v)
	}
	for _, v := range s.Limits {
		add(v.Object, v)
	}
	for _, v := range s.Filters {
		add(v.Object, v)
	}
	for _, v := range s.Attributes {
		add(v.Object, v)
	}
	for _, v := range s.Telemetry {
		add(v.Object, v)
	}
	for _, v := range s.Backends {
		add(v.Object, v)
	}
	return out
}
