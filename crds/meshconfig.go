package crds

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/wrapperspb"
	meshconfig "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// meshConfig takes over Istio's MeshConfig, and tells of what has no home.
func (c *conversion) meshConfig(in *meshconfig.MeshConfig, out *model.Mesh) {
	const at = "spec.meshConfig"
	if in == nil {
		return
	}
	c.homeless(in, meshConfigHomes, meshConfigReasons, at)
	c.homeless(in.GetDefaultConfig(), []string{"terminationDrainDuration", "tracing"}, nil, at+".defaultConfig")
	out.Drain = c.durationOrZero(in.GetDefaultConfig().GetTerminationDrainDuration(), at+".defaultConfig.terminationDrainDuration")
	c.homeless(in.GetDefaultConfig().GetTracing(), []string{"sampling"}, tracingReasons, at+".defaultConfig.tracing")
	c.meshOutbound(in.GetOutboundTrafficPolicy(), out, at+".outboundTrafficPolicy")
	c.meshTracing(in, out, at)
	normalizePaths(in.GetPathNormalization().GetNormalization(), out)
	if p := in.GetDefaultHttpRetryPolicy(); p != nil {
		out.Retries = *c.retries(p, at+".defaultHttpRetryPolicy")
	}
	out.ConnectTimeout = c.duration(in.GetConnectTimeout(), at+".connectTimeout")
	out.DetectionTimeout = c.durationOrZero(in.GetProtocolDetectionTimeout(), at+".protocolDetectionTimeout")
	out.TCPKeepalive = c.tcpKeepalive(in.GetTcpKeepalive(), at+".tcpKeepalive")
	out.LocalityLB = c.locality(in.GetLocalityLbSetting(), at+".localityLbSetting")
	out.UpgradeToHTTP2 = in.GetH2UpgradePolicy() == meshconfig.MeshConfig_UPGRADE
	out.ServiceExportTo = c.defaultExportTo(in.GetDefaultServiceExportTo(), true, at+".defaultServiceExportTo")
	out.RouteExportTo = c.defaultExportTo(in.GetDefaultVirtualServiceExportTo(), false, at+".defaultVirtualServiceExportTo")
	out.DestinationExportTo = c.defaultExportTo(in.GetDefaultDestinationRuleExportTo(), false, at+".defaultDestinationRuleExportTo")
	c.meshMTLS(in, out, at)
	out.Providers = c.providers(in.GetExtensionProviders(), at+".extensionProviders")
}

// homeless warns of each field that is given and that nothing reads.
func (c *conversion) homeless(in proto.Message, homes []string, reasons map[string]string, at string) {
	var given []string
	in.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !slices.Contains(homes, f.JSONName()) && !switchedOff(f, v) {
			given = append(given, f.JSONName())
		}
		return true
	})
	slices.Sort(given)
	for _, name := range given {
		why := reasons[name]
		if why == "" {
			why = "Krater's proxies do not start by Istio's injection"
		}
		c.ignore(at+"."+name, "it has no effect: %s", why)
	}
}

// switchedOff tells of a feature that Krater has not, and nobody wants.
func switchedOff(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	if f.JSONName() == "verifyCertificateAtClient" || f.Message() == nil || f.IsList() || f.IsMap() {
		return false
	}
	b, ok := v.Message().Interface().(*wrapperspb.BoolValue)
	return ok && !b.GetValue()
}

func (c *conversion) meshOutbound(p *meshconfig.MeshConfig_OutboundTrafficPolicy, out *model.Mesh, at string) {
	if p == nil {
		return
	}
	out.Outbound = model.OutboundMode(p.GetMode().String())
	if p.GetTls() == nil {
		return
	}
	if out.Outbound != model.AllowAnyDynamicDNS || p.GetTls().GetMode() != networking.ClientTLSSettings_DISABLE {
		c.ignore(at+".tls", "it has no effect: undeclared hosts are called as the application calls them; a ServiceEntry with a DestinationRule begins TLS")
	}
}

// meshTracing: Krater traces by itself, enableTracing or not.
func (c *conversion) meshTracing(in *meshconfig.MeshConfig, out *model.Mesh, at string) {
	t := in.GetDefaultConfig().GetTracing()
	if t == nil || t.GetSampling() == 0 {
		return
	}
	if t.GetSampling() < 0 || t.GetSampling() > 100 {
		c.bad(at+".defaultConfig.tracing.sampling", "a percentage is from 0 to 100")
	}
	out.Sampling = t.GetSampling()
}

func normalizePaths(n meshconfig.MeshConfig_ProxyPathNormalization_NormalizationType, out *model.Mesh) {
	switch n {
	case meshconfig.MeshConfig_ProxyPathNormalization_NONE:
		out.NormalizePath = false
	case meshconfig.MeshConfig_ProxyPathNormalization_BASE:
		out.KeepSlashes = true
	case meshconfig.MeshConfig_ProxyPathNormalization_DECODE_AND_MERGE_SLASHES:
		out.DecodeSlashes = true
	}
}

// defaultExportTo is for every namespace, so "." stays as it is.
func (c *conversion) defaultExportTo(in []string, nobody bool, field string) []string {
	for i, to := range in {
		if to == "." || to == "*" || to == "~" && nobody || dnsLabel.MatchString(to) {
			continue
		}
		c.bad(index(field, i), `want ".", "*" or a namespace, got %q`, to)
	}
	if len(in) > 1 && (slices.Contains(in, "*") || slices.Contains(in, "~")) {
		c.bad(field, `"*" (all) and "~" (nobody) stand alone`)
	}
	return in
}
