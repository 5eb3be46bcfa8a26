package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// conditionFails says why a condition does not hold. Where a header comes
// several times, one that matches is enough. An absent header matches no value,
// so Values fail and NotValues hold (Envoy: not(header matches)).
func conditionFails(c model.Condition, v View) string {
	why := ""
	switch {
	case c.Source != nil:
		why = sourceFails(*c.Source, v)
	case c.Operation != nil:
		why = connectionFails(*c.Operation, v)
	case c.Attribute != "":
		return attributeFails(c, v)
	case len(c.Claim) > 0:
		why = compared("claim "+strings.Join(c.Claim, "."), c.Values, c.NotValues, v.claim(c.Claim))
	case c.Metadata != nil: // only a running proxy has it; taken for absent
		why = compared("metadata "+c.Metadata.Filter+" "+c.Metadata.Key, slices.Concat(c.Values, c.Elements), slices.Concat(c.NotValues, c.NotElements), nil)
	default:
		why = compared("header "+c.Header, c.Values, c.NotValues, v.Values(c.Header))
	}
	if why != "" {
		return "when: " + why
	}
	return ""
}

// compared holds what there is of something against what it must be, and what
// it must not be.
func compared(what string, yes, no []model.StringMatch, have []string) string {
	matches := func(m model.StringMatch) bool { return slices.ContainsFunc(have, m.Matches) }
	if len(yes) > 0 && !slices.ContainsFunc(yes, matches) {
		return fmt.Sprintf("%s is %s, not %s", what, shownAll(have), describeAny(yes))
	}
	if i := slices.IndexFunc(no, matches); i >= 0 {
		return fmt.Sprintf("%s is %s, and must not be %s", what, shownAll(have), Describe(no[i]))
	}
	return ""
}

// claim gives the texts of a claim: a text, or those in a list. What is neither
// is not compared.
func (v View) claim(path []string) []string {
	var at any = v.Claims
	for _, name := range path {
		members, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = members[name]
	}
	switch x := at.(type) {
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, item := range x {
			if text, ok := item.(string); ok {
				out = append(out, text)
			}
		}
		return out
	}
	return nil
}

// tokenFails compares who a verified token was issued to, and by whom.
func tokenFails(s model.Source, v View) string {
	issuer, hasIssuer := v.Claims["iss"].(string)
	subject, hasSubject := v.Claims["sub"].(string)
	is := func(r model.RequestPrincipal) bool {
		return hasIssuer && hasSubject && r.Issuer.Matches(issuer) && r.Subject.Matches(subject)
	}
	who := "no token was verified"
	if v.Claims != nil {
		who = fmt.Sprintf("the token is of %s/%s", issuer, subject)
	}
	if len(s.RequestPrincipals) > 0 && !slices.ContainsFunc(s.RequestPrincipals, is) {
		var want []string
		for _, r := range s.RequestPrincipals {
			want = append(want, describeRequestPrincipal(r))
		}
		return fmt.Sprintf("%s, not of %s", who, strings.Join(want, " or "))
	}
	if i := slices.IndexFunc(s.NotRequestPrincipals, is); i >= 0 {
		return fmt.Sprintf("%s, and must not be of %s", who, describeRequestPrincipal(s.NotRequestPrincipals[i]))
	}
	return ""
}

func describeRequestPrincipal(r model.RequestPrincipal) string {
	return "issuer " + Describe(r.Issuer) + " and subject " + Describe(r.Subject)
}

// connectionFails compares the proxy's end of a connection.
func connectionFails(o model.Operation, v View) string {
	port := v.Port
	if v.Bound != 0 {
		port = v.Bound
	}
	switch {
	case len(o.Ports) > 0 && !slices.Contains(o.Ports, port):
		return fmt.Sprintf("port %d is not one of %v", port, o.Ports)
	case slices.Contains(o.NotPorts, port):
		return fmt.Sprintf("port %d is one of %v", port, o.NotPorts)
	case len(o.Addresses) > 0 && !inBlocks(o.Addresses, v.Destination):
		return fmt.Sprintf("the address %s is not in %s", v.Destination, strings.Join(o.Addresses, ", "))
	case inBlocks(o.NotAddresses, v.Destination):
		return fmt.Sprintf("the address %s is in %s", v.Destination, strings.Join(o.NotAddresses, ", "))
	}
	// Without TLS Envoy compares an empty name.
	return compared("the server name", o.ServerNames, o.NotServerNames, []string{v.ServerName})
}
