package rego

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
)

// forbidden are the built-ins that reach out of the policy: the network and
// the resolver. net.cidr_* only computes, and stays.
var forbidden = map[string]bool{
	"http.send":          true,
	"net.lookup_ip_addr": true,
}

// allowed is this OPA without what is forbidden, and without remote schemas.
var allowed = capabilities()

// sending is what a policy has whose spec.httpSend names hosts.
var sending = capabilities("http.send")

func capabilities(but ...string) *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool { return forbidden[b.Name] && !slices.Contains(but, b.Name) })
	c.AllowNet = []string{}
	return c
}

// Capabilities are the built-ins that a policy may call.
func Capabilities(p model.RegoPolicy) *ast.Capabilities {
	if p.HTTPSend != nil {
		return sending
	}
	return allowed
}

// runtime is what opa.runtime says: nothing of the process, its environment
// and its configuration.
var runtime = object([]item{{ast.StringTerm("env"), object(nil)}, {ast.StringTerm("config"), object(nil)}})
