package crds

import (
	"encoding/json"
	"math"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	extensions "istio.io/api/extensions/v1alpha1"
	typebeta "istio.io/api/type/v1beta1"

	"github.com/krater-mesh/krater/model"
)

// wasmExtension is what a WasmPlugin and a TrafficExtension's wasm have in
// common.
type wasmExtension interface {
	GetUrl() string
	GetSha256() string
	GetImagePullPolicy() extensions.PullPolicy
	GetImagePullSecret() string
	GetVerificationKey() string
	GetPluginConfig() *structpb.Struct
	GetPluginName() string
	GetFailStrategy() extensions.FailStrategy
	GetVmConfig() *extensions.VmConfig
	GetType() extensions.PluginType
}

func convertWasmPlugin(c *conversion) Content {
	in := &extensions.WasmPlugin{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.FilterBinding{Object: c.object.Ref, Created: c.object.created(), Phase: phaseNamed(in.GetPhase().String()), Priority: priority(in.GetPriority())}
	refs := in.GetTargetRefs()
	if in.GetTargetRef() != nil {
		refs = append([]*typebeta.PolicyTargetReference{in.GetTargetRef()}, refs...)
	}
	c.attach(out, in.GetSelector(), refs)
	for i, m := range in.GetMatch() {
		c.trafficSelector(m, index("spec.match", i), out)
	}
	c.wasm(in, "spec", out)
	return Content{Filter: out}
}

// wasm reads the module, and what it is told.
func (c *conversion) wasm(in wasmExtension, at string, out *model.FilterBinding) {
	pull := modulePull{at: at, url: in.GetUrl(), sha256: in.GetSha256(), image: true, secret: in.GetImagePullSecret(),
		atPolicy: at + ".imagePullPolicy", atSecret: at + ".imagePullSecret", atKeys: at + ".verificationKey"}
	if in.GetImagePullPolicy() != extensions.PullPolicy_UNSPECIFIED_POLICY {
		pull.policy = in.GetImagePullPolicy().String()
	}
	if in.GetVerificationKey() != "" { // Istio reads it nowhere; here it holds
		pull.keys = []string{in.GetVerificationKey()}
	}
	out.Module, out.RootID = c.pulled(pull), in.GetPluginName()
	out.Failure, out.Type = model.FilterFailure(in.GetFailStrategy().String()), model.FilterHTTP
	if in.GetType() == extensions.PluginType_NETWORK {
		out.Type = model.FilterNetwork
	}
	if len(in.GetPluginConfig().GetFields()) > 0 {
		// protojson adds spaces at random; a Struct holds only what JSON can.
		b, _ := json.Marshal(in.GetPluginConfig().AsMap())
		out.Config, out.Secrets = c.secretRefs(string(b), at+".pluginConfig")
	}
	c.variables(in.GetVmConfig().GetEnv(), at+".vmConfig.env", out)
	c.builtin(out, at+".type", at+".vmConfig.env")
}

// variables reads those of the VM: values, and names of the proxy's own.
func (c *conversion) variables(in []*extensions.EnvVar, at string, out *model.FilterBinding) {
	for i, e := range in {
		at := index(at, i)
		_, twice := out.Env[e.GetName()]
		host := e.GetValueFrom() == extensions.EnvValueSource_HOST
		switch {
		case e.GetName() == "":
			c.missing(at+".name", "a variable has a name")
			continue
		case twice || slices.Contains(out.HostEnv, e.GetName()):
			c.bad(at+".name", "the variable %s is declared twice", e.GetName())
		case host && e.GetValue() != "":
			c.bad(at+".value", "a variable of the host has no value here")
		}
		c.envName(e.GetName(), at+".name")
		if host {
			out.HostEnv = append(out.HostEnv, e.GetName())
			continue
		}
		if out.Env == nil {
			out.Env = map[string]string{}
		}
		out.Env[e.GetName()] = e.GetValue()
	}
}

// trafficMatch is one of Istio's; the two kinds have types of their own for it.
type trafficMatch interface {
	GetMode() typebeta.WorkloadMode
	GetPorts() []*typebeta.PortSelector
}

// trafficSelector adds a match. Istio's SERVER is a sidecar's only: a gateway
// is a client to it.
func (c *conversion) trafficSelector(m trafficMatch, at string, out *model.FilterBinding) {
	match := model.TrafficMatch{}
	switch m.GetMode() {
	case typebeta.WorkloadMode_CLIENT:
		match.Mode = model.Client
	case typebeta.WorkloadMode_SERVER:
		match.Mode, match.NotGateways = model.Server, true
	}
	for j, p := range m.GetPorts() {
		match.Ports = append(match.Ports, c.port(p.GetNumber(), index(at+".ports", j)+".number"))
	}
	out.Match = append(out.Match, match)
}

// phaseNamed is a phase in Istio's word: none is the last.
func phaseNamed(word string) model.Phase {
	switch p := model.Phase(word); p {
	case model.PhaseAuthn, model.PhaseAuthz, model.PhaseStats:
		return p
	}
	return model.PhaseDefault
}

// priority is the one that is declared. Without one, Istio puts a filter behind
// all that have one, though its documentation says 0.
func priority(p *wrapperspb.Int32Value) int32 {
	if p == nil {
		return math.MinInt32
	}
	return p.GetValue()
}
