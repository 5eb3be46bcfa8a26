package accesslogreceiver

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// The tags by which a proxy's span says what its filters decided.
const (
	verdictsRBAC    = "krater.verdicts.rbac"
	verdictsPolicyd = "krater.verdicts.policyd"
	verdictsShadow  = "krater.verdicts.shadow"
	verdictsDetails = "krater.verdicts.details"
)

// DecideSpan puts the decision's identity in the place of the verdicts that a
// proxy's span carries, as records of the same request have it.
func DecideSpan(a pcommon.Map) {
	take := func(name string) string {
		v, ok := a.Get(name)
		if !ok {
			return ""
		}
		text := v.AsString()
		a.Remove(name)
		return text
	}
	v := verdicts{
		details: take(verdictsDetails), policySet: take(tagPolicySet), limit: take(tagLimit), filter: take(tagFilterDecision),
		custom: take(tagCustom), cached: take(tagCached), metadata: map[string]*structpb.Struct{},
	}
	if s := structOf(take(verdictsRBAC)); s != nil {
		v.metadata[rbacNamespace] = s
	}
	policyd := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	if s := structOf(take(verdictsPolicyd)); s != nil {
		policyd.Fields[daemonKey] = structpb.NewStructValue(s)
	}
	shadow := &structpb.ListValue{}
	if text := take(verdictsShadow); text != "" && protojson.Unmarshal([]byte(text), shadow) == nil {
		policyd.Fields[daemonShadowKey] = structpb.NewListValue(shadow)
	}
	if len(policyd.Fields) > 0 {
		v.metadata[extAuthzNamespace] = policyd
	}
	putShadows(a, v.shadows())
	if d, ok := decide(v); ok {
		putDecision(a, d)
	}
}

// structOf reads what Envoy writes of dynamic metadata; nil: there is none.
func structOf(text string) *structpb.Struct {
	s := &structpb.Struct{}
	if text == "" || protojson.Unmarshal([]byte(text), s) != nil {
		return nil
	}
	return s
}
