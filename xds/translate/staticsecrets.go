package translate

import (
	"fmt"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/model"
)

// staticSecrets have a message name its secrets as the bootstrap's own, and
// gives those names. What an agent serves stays its to serve.
func staticSecrets(m proto.Message) []string {
	var names []string
	visit(m.ProtoReflect(), func(m proto.Message) bool {
		s, ok := m.(*tlsv3.SdsSecretConfig)
		if !ok || s.GetSdsConfig().GetAds() == nil {
			return false
		}
		names = append(names, s.Name)
		s.SdsConfig = nil
		return true
	})
	return names
}

// addSecrets puts the named secrets into a bootstrap. Private keys that are no
// files are written only where that is asked for.
func (in inliner) addSecrets(names []string, withKeys bool) ([]*tlsv3.Secret, error) {
	var out []*tlsv3.Secret
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		s, ok := in.secrets[name]
		switch {
		case !ok:
			return nil, fmt.Errorf("there is no secret %s", name)
		case !withKeys && hasInlineKey(s):
			return nil, fmt.Errorf("the secret %s has a private key, which is not printed unasked: use --private-keys, or certificates of files", name)
		}
		out = append(out, s)
	}
	return out, nil
}

func hasInlineKey(s *tlsv3.Secret) bool {
	key := s.GetTlsCertificate().GetPrivateKey()
	return key != nil && key.GetFilename() == ""
}

// redacted is a secret without its private key, of which the hash tells
// whether it changed.
func redacted(s *tlsv3.Secret) *tlsv3.Secret {
	if !hasInlineKey(s) {
		return s
	}
	out := proto.CloneOf(s)
	key := s.GetTlsCertificate().GetPrivateKey().GetInlineBytes()
	out.GetTlsCertificate().PrivateKey = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{
		InlineString: "(redacted, " + model.Hash(model.Sensitive(key)) + ")",
	}}
	return out
}

// visit calls f for a message and all inside of it, packed ones too, which are
// packed anew where f changed something.
func visit(m protoreflect.Message, f func(proto.Message) bool) (changed bool) {
	if boxed, ok := m.Interface().(*anypb.Any); ok {
		inner, err := boxed.UnmarshalNew()
		if err != nil || !visit(inner.ProtoReflect(), f) {
			return false
		}
		boxed.Value = pack(inner).Value
		return true
	}
	changed = f(m.Interface())
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap():
			if field.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					changed = visit(v.Message(), f) || changed
					return true
				})
			}
		case field.Message() == nil:
		case field.IsList():
			for i := range v.List().Len() {
				changed = visit(v.List().Get(i).Message(), f) || changed
			}
		default:
			changed = visit(v.Message(), f) || changed
		}
		return true
	})
	return changed
}
