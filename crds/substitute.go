package crds

import (
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Substitute gives the denial that stands in for a bad object that decides
// access: it denies what the object selects or, where that cannot be read,
// its namespace; of a PeerAuthentication, all but mutual TLS; of a
// RequestAuthentication, each token. ok is false for objects that decide nothing.
func Substitute(o *Object) (e Entry, ok bool) {
	k, found := lookup(o.APIVersion, o.Ref.Kind)
	if !found || !k.access || o.Ref.Kind == "AuthorizationPolicy" && dryRunOf(o) {
		return Entry{}, false
	}
	if mode := o.Root.Field("spec").Field("mode"); o.Ref.Kind == "RegoPolicy" && mode != nil && mode.Value == "Shadow" {
		return Entry{}, false // it would have decided nothing
	}
	e = Entry{Ref: o.Ref, Origin: o.Origin}
	switch o.Ref.Kind {
	case "PeerAuthentication":
		e.Content.PeerAuthentication = strictSubstitute(o)
		return e.placed(o), true
	case "RequestAuthentication":
		e.Content.RequestAuthentication = tokensSubstitute(o)
		return e.placed(o), true
	}
	denial := &model.AuthorizationPolicy{Object: o.Ref, Action: model.Deny, Substitute: true,
		Selector: model.Selector{Namespace: o.Ref.Namespace, Labels: readableLabels(o)},
		Rules:    []model.AuthorizationRule{{}}}
	if o.Root.Field("spec").Field("selector") == nil {
		denial.Gateways, denial.Services = readableTargets(o)
	}
	e.Content.Authorization = denial
	return e.placed(o), true
}

// placed completes an entry that stands in for an object.
func (e Entry) placed(o *Object) Entry {
	e.Version = model.Hash(e.Content)
	o.LineOf("")
	e.Lines, e.Moved = o.lines, o.moved
	return e
}

// Substitutes tells whether the content stands in for a bad object, or for one
// whose module or keys cannot be had.
func (c Content) Substitutes() bool {
	return c.Authorization != nil && c.Authorization.Substitute || c.PeerAuthentication != nil && c.PeerAuthentication.Substitute ||
		c.RequestAuthentication != nil && (c.RequestAuthentication.Substitute || len(c.RequestAuthentication.Keyless()) > 0) ||
		c.Filter != nil && c.Filter.Type != model.FilterLua && c.Filter.Module.Digest == ""
}

// readableLabels are spec.selector's, or none where they are not all plain.
func readableLabels(o *Object) map[string]string {
	selector := o.Root.Field("spec").Field("selector")
	labels := selector.Field("matchLabels")
	if labels == nil || labels.Kind != Mapping || len(selector.Fields) != 1 {
		return nil
	}
	out := map[string]string{}
	for _, f := range labels.Fields {
		text, isText := f.Value.Value.(string)
		if !isText || strings.Contains(text, "*") {
			return nil
		}
		out[f.Name] = text
	}
	return out
}

// dryRunOf tells whether a policy is declared as one that only records.
func dryRunOf(o *Object) bool {
	on, err := strconv.ParseBool(o.Annotation(dryRun))
	return err == nil && on
}

// readableTargets are spec.targetRefs' Gateways and Services, or none where
// some target cannot be read.
func readableTargets(o *Object) (gateways, services []string) {
	refs := o.Root.Field("spec").Field("targetRefs")
	if refs == nil || refs.Kind != List {
		return nil, nil
	}
	for _, ref := range refs.Items {
		text := func(name string) string { return ref.Field(name).Text() }
		switch name := text("name"); {
		case name == "" || text("namespace") != "" && text("namespace") != o.Ref.Namespace:
			return nil, nil
		case text("kind") == "Gateway" && text("group") == "gateway.networking.k8s.io":
			gateways = append(gateways, name)
		case text("kind") == "Service" && strings.TrimPrefix(text("group"), "core") == "":
			services = append(services, name)
		default:
			return nil, nil
		}
	}
	return gateways, services
}
