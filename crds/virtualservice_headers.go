package crds

import (
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (v *virtualService) headerChanges(h *networking.Headers, field string) model.HeaderChanges {
	return model.HeaderChanges{
		Request:  v.headerOps(h.GetRequest(), true, field+".request"),
		Response: v.headerOps(h.GetResponse(), false, field+".response"),
	}
}

func (v *virtualService) headerOps(o *networking.Headers_HeaderOperations, request bool, field string) model.HeaderOps {
	for part, values := range map[string]map[string]string{".set": o.GetSet(), ".add": o.GetAdd()} {
		for name, value := range values {
			at := join(field+part, name)
			v.headerChange(name, request && authority(name), at)
			v.headerValue(value, at)
		}
	}
	for i, name := range o.GetRemove() {
		v.headerChange(name, false, index(field+".remove", i))
	}
	return model.HeaderOps{Set: o.GetSet(), Add: o.GetAdd(), Remove: o.GetRemove()}
}

// authority tells whether a name is the host's.
func authority(name string) bool {
	return strings.EqualFold(name, ":authority") || strings.EqualFold(name, "host")
}

// headerChange checks a name of a header to change. Of those that say what
// the request is, only the host may be set, on its way in.
func (v *virtualService) headerChange(name string, mayBeHost bool, field string) {
	switch {
	case mayBeHost:
	case authority(name) || strings.HasPrefix(name, ":"):
		v.add(model.Error, model.CodeInvalidValue, field, "use rewrite, or leave it out", "%s cannot be changed here", name)
	case !headerName(strings.ToLower(name)):
		v.bad(field, "%q is no header name", name)
	}
}

// oneAuthority tells what becomes of a host that is set in two places: the
// rewrite wins.
func (v *virtualService) oneAuthority(h *networking.HTTPRoute, field string) {
	var names []string
	for _, values := range []map[string]string{h.GetHeaders().GetRequest().GetSet(), h.GetHeaders().GetRequest().GetAdd()} {
		for name := range values {
			if authority(name) {
				names = append(names, name)
			}
		}
	}
	if len(names) > 1 {
		v.add(model.Error, model.CodeInvalidValue, field+".headers.request", "use rewrite.authority alone", "the host is set twice")
	} else if len(names) > 0 && h.GetRewrite().GetAuthority() != "" {
		v.add(model.Warning, model.CodeInvalidValue, field+".headers.request", "leave it out", "%s has no effect: rewrite.authority wins", names[0])
	}
}
