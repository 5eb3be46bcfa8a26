package authz

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/krater-mesh/krater/model"
)

// readDenials reads "header,JSON".
func readDenials(text string) model.Denials {
	var d model.Denials
	for word := range strings.SplitSeq(text, ",") {
		switch word {
		case "header":
			d.Header = true
		case string(model.DenialText), string(model.DenialJSON):
			d.Body = model.DenialBody(word)
		}
	}
	return d
}

// tell names the policy in its denial, as the mesh wants it. A body that the
// policy gives itself stays.
func tell(d model.Denials, response *authv3.CheckResponse, o outcome) {
	_, name, ok := strings.Cut(o.decision.Policy, " ")
	denied := response.GetDeniedResponse()
	if !ok || denied == nil {
		return
	}
	namespace, name, _ := strings.Cut(name, "/")
	rule := model.RegoRuleID(model.Ref{Kind: "RegoPolicy", Namespace: namespace, Name: name}, o.decision.Rule)
	if d.Header {
		denied.Headers = append(denied.Headers, header(model.HeaderDeniedBy, rule))
	}
	if contentType, body := d.BodyOf(rule); denied.Body == "" && body != "" {
		denied.Body = body
		denied.Headers = append(denied.Headers, header("content-type", contentType))
	}
}

func header(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, Value: value}}
}
