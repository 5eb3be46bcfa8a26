package translate

import (
	"strings"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	celfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/filters/cel/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/model"
)

// Where the rule of a denial is found. An implicit denial has none.
const (
	namedPrefix  = "named_"
	denyRule     = "%DYNAMIC_METADATA(envoy.filters.http.rbac:" + namedPrefix + "shadow_effective_policy_id)%"
	deniedByDeny = "response.code_details.startsWith('rbac_access_denied_matched_policy[AuthorizationPolicy/') || response.code_details.startsWith('rbac_access_denied_matched_policy[AccessList/')"
	// Long lists are looked up by a filter, which says whose list refused.
	listRule     = "%FILTER_STATE(wasm.krater.filter_decision:PLAIN)%"
	deniedByList = "response.code_details.startsWith('accesslist/')"
	deniedByNone = "response.code_details.startsWith('rbac_access_denied_matched_policy[none]')"
)

// nameDenials finds the rule that is going to deny before it does: the filter
// that denies writes its name only when its answer is on its way.
func (p *proxy) nameDenials(in *loweredInputs, policies []model.AuthorizationPolicy) filters {
	enforced, _ := apart(policies)
	if p.mesh.Denials == (model.Denials{}) || len(enforced) == 0 {
		return nil
	}
	out := &rbacv3.RBAC{ShadowRulesStatPrefix: namedPrefix, ShadowMatcher: in.authorizationTree(enforced, model.Deny)}
	if out.ShadowMatcher == nil {
		out.ShadowRules = p.rbacRules(enforced, model.Deny, false)
	}
	return filters{extension(filterRBAC+".named", out)}
}

// namedDenials give the denials of AuthorizationPolicies and of access lists what
// the mesh wants of their rule; nil: nothing. RegoPolicies' denials name theirs themselves.
func (p *proxy) namedDenials(c chain) *hcmv3.LocalReplyConfig {
	d := p.mesh.Denials
	if d == (model.Denials{}) || !c.served() {
		return nil
	}
	return &hcmv3.LocalReplyConfig{Mappers: []*hcmv3.ResponseMapper{
		namedDenial(d, deniedByDeny, denyRule), namedDenial(d, deniedByNone, model.ImplicitDeny), namedDenial(d, deniedByList, listRule),
	}}
}

func namedDenial(d model.Denials, when, rule string) *hcmv3.ResponseMapper {
	out := &hcmv3.ResponseMapper{Filter: &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_ExtensionFilter{
		ExtensionFilter: &accesslogv3.ExtensionFilter{
			Name:       "envoy.access_loggers.extension_filters.cel",
			ConfigType: &accesslogv3.ExtensionFilter_TypedConfig{TypedConfig: pack(&celfilterv3.ExpressionFilter{Expression: when})},
		},
	}}}
	if d.Header {
		out.HeadersToAdd = []*corev3.HeaderValueOption{{
			Header:       &corev3.HeaderValue{Key: model.HeaderDeniedBy, Value: rule},
			AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		}}
	}
	switch d.Body {
	case model.DenialText:
		out.BodyFormatOverride = &corev3.SubstitutionFormatString{
			Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: &corev3.DataSource{
				Specifier: &corev3.DataSource_InlineString{InlineString: "denied by " + rule + "\n"},
			}},
			ContentType: "text/plain",
		}
	case model.DenialJSON:
		out.BodyFormatOverride = &corev3.SubstitutionFormatString{
			Format: &corev3.SubstitutionFormatString_JsonFormat{JsonFormat: &structpb.Struct{Fields: map[string]*structpb.Value{
				"deniedBy": structpb.NewStringValue(rule),
			}}},
		}
	}
	return out
}

// namedScript is the part of a denial's script that names the policy: it
// changes nothing where the mesh does not want that.
func (p *proxy) namedScript(policies []classified) string {
	d := p.mesh.Denials
	if d == (model.Denials{}) {
		return "local function named(answer) return answer end\n"
	}
	var names []string
	for _, c := range policies {
		names = append(names, "["+luaString(verdictKey(c.RegoPolicy))+"]="+luaString(model.RegoRuleID(c.Object, "")))
	}
	script := "local names={" + strings.Join(names, ",") + "}\n" + namedStart
	if d.Header {
		script += "  headers[" + luaString(model.HeaderDeniedBy) + "]=id\n"
	}
	if contentType, body := d.BodyOf("\x00"); body != "" {
		before, after, _ := strings.Cut(strings.ReplaceAll(body, `\u0000`, "\x00"), "\x00")
		script += "  if body==\"\" then body=" + luaString(before) + "..id.." + luaString(after) + " headers[\"content-type\"]=" + luaString(contentType) + " end\n"
	}
	return script + "  return {headers=headers,body=body}\nend\n"
}

// namedStart reads the rule. What could not stand in a header or in a string of
// JSON is an underscore.
const namedStart = `local function named(answer,key,verdict)
  local headers={}
  for name,value in pairs(answer.headers) do headers[name]=value end
  local id=(names[key] or "")..string.gsub(string.match(verdict or "","|(.*)$") or "","[%c\"\\\128-\255]","_")
  local body=answer.body
`
