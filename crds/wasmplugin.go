package crds

import (
	"encoding/json"

	extensions "istio.io/api/extensions/v1alpha1"

	"github.com/krater-mesh/krater/model"
)

var (
	wasmPluginTranslated = []string{"selector", "url", "sha256", "pluginConfig", "pluginName", "phase", "priority",
		"failStrategy", "vmConfig.env[].name", "vmConfig.env[].value", "vmConfig.env[].valueFrom",
		"match[].mode", "match[].ports", "type"}
	wasmPluginRefused = []string{"targetRef", "targetRefs", "verificationKey"}
)

func convertWasmPlugin(c *conversion) Content {
	in := &extensions.WasmPlugin{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.FilterBinding{
		Object: c.object.Ref, Selector: c.selector(in.GetSelector().GetMatchLabels(), "spec.selector.matchLabels"), Created: c.object.created(),
		RootID: in.GetPluginName(), Phase: model.PhaseDefault, Priority: in.GetPriority().GetValue(),
		Failure: model.FilterFailure(in.GetFailStrategy().String()),
	}
	c.module(in.GetUrl(), in.GetSha256())
	out.Module = module(in.GetUrl(), in.GetSha256())
	if in.GetPhase() != extensions.PluginPhase_UNSPECIFIED_PHASE {
		out.Phase = model.Phase(in.GetPhase().String())
	}
	if in.GetType() == extensions.PluginType_NETWORK {
		c.refuse("spec.type", "network plugins are not translated yet")
	}
	if in.GetPluginConfig() != nil {
		// protojson adds spaces at random; a Struct holds only what JSON can.
		b, _ := json.Marshal(in.GetPluginConfig().AsMap())
		out.Config = string(b)
	}
	c.trafficSelectors(in.GetMatch(), out)
	for i, e := range in.GetVmConfig().GetEnv() {
		at := index("spec.vmConfig.env", i)
		switch {
		case e.GetValueFrom() == extensions.EnvValueSource_HOST:
			c.refuse(at+".valueFrom", "variables of the host are not translated yet")
		case e.GetName() == "":
			c.missing(at+".name", "a variable has a name")
		}
		if out.Env == nil {
			out.Env = map[string]string{}
		}
		out.Env[e.GetName()] = e.GetValue()
	}
	return Content{Filter: out}
}

// trafficSelectors reads match: traffic that meets any of them.
func (c *conversion) trafficSelectors(in []*extensions.WasmPlugin_TrafficSelector, out *model.FilterBinding) {
	for i, m := range in {
		match := model.TrafficMatch{}
		switch m.GetMode().String() {
		case "CLIENT":
			match.Mode = model.Client
		case "SERVER":
			match.Mode = model.Server
		}
		for j, p := range m.GetPorts() {
			match.Ports = append(match.Ports, c.port(p.GetNumber(), index(index("spec.match", i)+".ports", j)+".number"))
		}
		out.Match = append(out.Match, match)
	}
}
