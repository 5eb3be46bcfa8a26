package crds

import (
	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (c *conversion) fault(f *networking.HTTPFaultInjection, field string) *model.Fault {
	if f == nil {
		return nil
	}
	out := &model.Fault{}
	if d := f.GetDelay(); d != nil {
		out.Delay = &model.FaultDelay{}
		if fixed := c.duration(d.GetFixedDelay(), field+".delay.fixedDelay"); fixed != nil {
			out.Delay.Fixed = *fixed
		} else if !c.reported(field + ".delay") {
			c.missing(field+".delay.fixedDelay", "a delay has a duration")
		}
		out.Delay.Percent = c.percent(d.GetPercentage(), field+".delay.percentage")
		if d.GetPercentage() == nil {
			//lint:ignore SA1019 v1alpha3 files still have it
			out.Delay.Percent = c.wholePercent(d.GetPercent(), field+".delay")
		}
	}
	if a := f.GetAbort(); a != nil {
		out.Abort = &model.FaultAbort{Status: c.count(a.GetHttpStatus(), field+".abort.httpStatus")}
		out.Abort.Percent = c.percent(a.GetPercentage(), field+".abort.percentage")
		if a.GetPercentage() == nil {
			c.noPercentage(field+".abort", "aborted")
		}
		if s := a.GetHttpStatus(); (s < 200 || s > 599) && !c.reported(field+".abort") {
			c.bad(field+".abort.httpStatus", "a status is from 200 to 599")
		}
	}
	return out
}

func (c *conversion) percent(p *networking.Percent, field string) float64 {
	v := p.GetValue()
	if v < 0 || v > 100 {
		c.bad(field, "a percentage is from 0 to 100")
	}
	return v
}

func (c *conversion) wholePercent(v int32, field string) float64 {
	if v == 0 {
		c.noPercentage(field, "delayed")
	}
	if v < 0 || v > 100 {
		c.bad(field+".percent", "a percentage is from 0 to 100")
	}
	return float64(v)
}

// noPercentage tells of Istio's default, which few expect.
func (c *conversion) noPercentage(field, what string) {
	c.add(model.Warning, model.CodeMissing, field, "give percentage.value", "without a percentage no request is %s", what)
}
