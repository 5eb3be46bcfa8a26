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
		Object: c.object.Ref, Selector: c.selector(in.GetSelector().GetMatchLabels(), "spec.selector.matchLabels"),
		RootID: in.GetPluginName(), Phase: model.PhaseDefault, Priority: in.GetPriority().GetValue(),
		Failure: model.FilterFailure(in.GetFailStrategy().String()), Traffic: model.ClientAndServer,
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

// trafficSelectors reads match: a binding has one mode and one list of ports.
func (c *conversion) trafficSelectors(in []*extensions.WasmPlugin_TrafficSelector, out *model.FilterBinding) {
	if len(in) > 1 {
		c.refuse("spec.match", "more than one match is not translated yet")
	}
	for _, m := range in {
		switch m.GetMode().String() {
		case "CLIENT":
			out.Traffic = model.Client
		case "SERVER":
			out.Traffic = model.Server
		}
		for j, p := range m.GetPorts() {
			out.Ports = append(out.Ports, c.port(p.GetNumber(), index("spec.match[0].ports", j)+".number"))
		}
	}
}
