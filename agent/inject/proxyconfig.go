package inject

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
	"sigs.k8s.io/yaml"
)

// dnsCaptureName is the proxyMetadata by which Istio's users ask for it.
const dnsCaptureName = "ISTIO_META_DNS_CAPTURE"

// mostDrain is how long an agent waits for its connections at most.
const mostDrain = time.Minute

// configFields are those of ProxyConfig that a sidecar has an effect of.
var configFields = map[protoreflect.Name]bool{
	"discovery_address":                   true,
	"concurrency":                         true,
	"interception_mode":                   true,
	"termination_drain_duration":          true,
	"hold_application_until_proxy_starts": true,
	"proxy_metadata":                      true, // by key, see below
}

// proxyConfig reads the Pod's own, over the mesh's.
func (p *pod) proxyConfig(s *settings) {
	value, ok := p.read.Metadata.Annotations[proxyConfigName]
	if ok {
		var own meshv1alpha1.ProxyConfig
		if err := readYAML([]byte(value), &own); err != nil {
			p.annotation(proxyConfigName, model.Problem{Code: model.CodeInvalidValue, Message: "not a ProxyConfig: " + err.Error()})
			return
		}
		for _, w := range withoutHome(&own) {
			p.annotation(proxyConfigName, model.Problem{Code: model.CodeNotSupported, Severity: model.Warning, Message: w})
		}
		proto.Merge(s.config, &own)
	}
	if s.config.InterceptionMode == meshv1alpha1.ProxyConfig_TPROXY {
		p.annotation(proxyConfigName, model.Problem{Code: model.CodeNotSupported, Message: "interceptionMode: TPROXY is not there: use REDIRECT"})
	}
	if a := s.config.DiscoveryAddress; a != "" {
		if err := address(a); err != nil {
			p.annotation(proxyConfigName, model.Problem{Code: model.CodeInvalidValue, Message: "discoveryAddress: " + err.Error()})
		}
	}
	if s.config.GetConcurrency().GetValue() < 0 || s.config.GetTerminationDrainDuration().AsDuration() < 0 {
		p.annotation(proxyConfigName, model.Problem{Code: model.CodeInvalidValue, Message: "concurrency and terminationDrainDuration are not below 0"})
	}
	if d := s.config.GetTerminationDrainDuration().AsDuration(); d > mostDrain {
		p.annotation(proxyConfigName, model.Problem{Code: model.CodeInvalidValue, Severity: model.Warning, Message: "terminationDrainDuration: an agent waits for a minute at most"})
	}
	s.dnsCapture = s.config.ProxyMetadata[dnsCaptureName] == "true"
}

// withoutHome names the fields that are set, and have no effect.
func withoutHome(c *meshv1alpha1.ProxyConfig) []string {
	var out []string
	c.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !configFields[f.Name()] {
			out = append(out, f.JSONName()+" has no effect on a sidecar here")
		}
		return true
	})
	for _, name := range sortedNames(c.ProxyMetadata) {
		if name != dnsCaptureName {
			out = append(out, "proxyMetadata."+name+" has no effect")
		}
	}
	return out
}

// ReadMeshConfig takes from Istio's MeshConfig, or from the mesh key of its
// ConfigMap, what is a sidecar's: all else is the control plane's to read.
func ReadMeshConfig(f File, o *Options) model.Problems {
	problem := func(severity model.Severity, code, message string) model.Problem {
		return model.Problem{Code: code, Severity: severity, Field: "defaultConfig", Message: message, Origin: model.Origin{File: f.Name}}
	}
	var mesh meshv1alpha1.MeshConfig
	if err := readYAML(f.Data, &mesh); err != nil {
		p := problem(model.Error, model.CodeInvalidValue, "not a MeshConfig: "+err.Error())
		p.Field = ""
		return model.Problems{p}
	}
	var out model.Problems
	if c := mesh.DefaultConfig; c != nil {
		for _, w := range withoutHome(c) {
			out = append(out, problem(model.Warning, model.CodeNotSupported, w))
		}
		if o.Defaults = c; c.InterceptionMode == meshv1alpha1.ProxyConfig_TPROXY {
			out = append(out, problem(model.Error, model.CodeNotSupported, "interceptionMode: TPROXY is not there: use REDIRECT"))
		}
	}
	if mesh.TrustDomain != "" {
		o.TrustDomain = mesh.TrustDomain
	}
	if mesh.EnablePrometheusMerge != nil {
		o.KeepMetrics = !mesh.EnablePrometheusMerge.Value
	}
	return out
}

// place is what protojson says of its input, which the user never saw.
var place = regexp.MustCompile(`^proto:[\s\x{a0}]*(?:syntax error )?(?:\(line \d+:\d+\): )?`)

// readYAML reads strictly: a field that is not known is an error.
func readYAML(text []byte, into proto.Message) error {
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(data)) == "null" {
		return nil
	}
	if err := protojson.Unmarshal(data, into); err != nil {
		return errors.New(place.ReplaceAllString(err.Error(), ""))
	}
	return nil
}
