package crds

import (
	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// mirrors gives the old form, one mirror, and the new one, a list, as a list.
func (v *virtualService) mirrors(h *networking.HTTPRoute, field string) []model.Mirror {
	//lint:ignore SA1019 tutorials still have it
	old := h.GetMirrorPercent()
	if old.GetValue() > 100 {
		v.bad(field+".mirrorPercent", "a percentage is from 0 to 100")
	}
	percent := float64(100)
	switch {
	case h.GetMirrorPercentage() != nil:
		percent = v.percent(h.GetMirrorPercentage(), field+".mirrorPercentage")
	case old != nil:
		percent = float64(old.GetValue())
	}
	if m := h.GetMirror(); m != nil {
		if len(h.GetMirrors()) > 0 {
			v.add(model.Error, model.CodeInvalidValue, field+".mirror", "put it into mirrors", "only one of mirror and mirrors can be given")
		}
		return []model.Mirror{{Destination: v.destination(m, field+".mirror"), Percent: percent}}
	}
	if (old != nil || h.GetMirrorPercentage() != nil) && !v.reported(field+".mirror") {
		v.add(model.Warning, model.CodeMissing, field+".mirrorPercentage", "give mirror", "there is no mirror that it could be the percentage of")
	}
	var out []model.Mirror
	for i, m := range h.GetMirrors() {
		at := index(field+".mirrors", i)
		mirror := model.Mirror{Destination: v.destination(m.GetDestination(), at+".destination"), Percent: 100}
		if m.GetPercentage() != nil {
			mirror.Percent = v.percent(m.GetPercentage(), at+".percentage")
		}
		out = append(out, mirror)
	}
	return out
}
