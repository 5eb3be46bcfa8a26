package crds

import (
	"regexp"
	"strings"

	security "istio.io/api/security/v1beta1"

	"github.com/krater-mesh/krater/model"
)

// source converts who may call, and keeps to Istio's rule that accounts name
// a namespace by themselves.
func (c *conversion) source(s *security.Source, at string) model.Source {
	if len(s.GetServiceAccounts())+len(s.GetNotServiceAccounts()) > 0 &&
		len(s.GetPrincipals())+len(s.GetNotPrincipals())+len(s.GetNamespaces())+len(s.GetNotNamespaces()) > 0 {
		c.add(model.Error, model.CodeInvalidValue, at+".serviceAccounts", "use one of them, or two rules",
			"service accounts cannot stand beside principals or namespaces")
	}
	return model.Source{
		IPBlocks:           c.cidrs(s.GetIpBlocks(), at+".ipBlocks"),
		NotIPBlocks:        c.cidrs(s.GetNotIpBlocks(), at+".notIpBlocks"),
		RemoteIPBlocks:     c.cidrs(s.GetRemoteIpBlocks(), at+".remoteIpBlocks"),
		NotRemoteIPBlocks:  c.cidrs(s.GetNotRemoteIpBlocks(), at+".notRemoteIpBlocks"),
		Principals:         c.principals(s.GetPrincipals(), at+".principals"),
		NotPrincipals:      c.principals(s.GetNotPrincipals(), at+".notPrincipals"),
		Namespaces:         c.namespaces(s.GetNamespaces(), at+".namespaces"),
		NotNamespaces:      c.namespaces(s.GetNotNamespaces(), at+".notNamespaces"),
		ServiceAccounts:    c.accounts(s.GetServiceAccounts(), at+".serviceAccounts"),
		NotServiceAccounts: c.accounts(s.GetNotServiceAccounts(), at+".notServiceAccounts"),
		TrustDomains:       c.trustDomains(s.GetTrustDomains(), at+".trustDomains"),
		NotTrustDomains:    c.trustDomains(s.GetNotTrustDomains(), at+".notTrustDomains"),

		RequestPrincipals:    c.requestPrincipals(s.GetRequestPrincipals(), at+".requestPrincipals"),
		NotRequestPrincipals: c.requestPrincipals(s.GetNotRequestPrincipals(), at+".notRequestPrincipals"),
	}
}

// sourceCondition converts a condition on who calls; false: it is on something else.
func (c *conversion) sourceCondition(w *security.Condition, field string) (*model.Source, bool) {
	values, not := field+".values", field+".notValues"
	switch w.GetKey() {
	case "source.ip":
		return &model.Source{IPBlocks: c.cidrs(w.GetValues(), values), NotIPBlocks: c.cidrs(w.GetNotValues(), not)}, true
	case "remote.ip":
		return &model.Source{RemoteIPBlocks: c.cidrs(w.GetValues(), values), NotRemoteIPBlocks: c.cidrs(w.GetNotValues(), not)}, true
	case "request.auth.principal":
		return &model.Source{RequestPrincipals: c.requestPrincipals(w.GetValues(), values), NotRequestPrincipals: c.requestPrincipals(w.GetNotValues(), not)}, true
	case "source.principal":
		return &model.Source{Principals: c.principals(w.GetValues(), values), NotPrincipals: c.principals(w.GetNotValues(), not)}, true
	case "source.namespace":
		return &model.Source{Namespaces: c.namespaces(w.GetValues(), values), NotNamespaces: c.namespaces(w.GetNotValues(), not)}, true
	case "source.serviceAccount":
		return &model.Source{ServiceAccounts: c.accounts(w.GetValues(), values), NotServiceAccounts: c.accounts(w.GetNotValues(), not)}, true
	case "source.trustDomain":
		return &model.Source{TrustDomains: c.trustDomains(w.GetValues(), values), NotTrustDomains: c.trustDomains(w.GetNotValues(), not)}, true
	}
	return nil, false
}

// principals refuses the scheme, with which Istio's form never matches.
func (c *conversion) principals(in []string, field string) []model.StringMatch {
	for i, text := range in {
		if strings.HasPrefix(text, "spiffe:") {
			c.add(model.Error, model.CodeInvalidValue, index(field, i), "want TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT",
				"a principal is written without spiffe://")
		}
	}
	return c.patterns(in, field)
}

var namespacePattern = regexp.MustCompile(`^[-a-z0-9*]+$`)

// namespaces are patterns with stars anywhere, as in Istio.
func (c *conversion) namespaces(in []string, field string) []model.StringMatch {
	var out []model.StringMatch
	for i, text := range in {
		if !namespacePattern.MatchString(text) {
			c.bad(index(field, i), "no namespace is named %q", text)
			continue
		}
		m := pattern(text)
		if strings.Contains(m.Value, "*") {
			m = model.StringMatch{Kind: model.Regex, Value: strings.ReplaceAll(text, "*", ".*")}
		}
		out = append(out, m)
	}
	return out
}

var accountName = regexp.MustCompile(`^[-a-z0-9]+/[-.a-z0-9]+$`)

// accounts adds the policy's own namespace where none is named.
func (c *conversion) accounts(in []string, field string) []string {
	var out []string
	for i, text := range in {
		if !strings.Contains(text, "/") {
			text = c.object.Ref.Namespace + "/" + text
		}
		if !accountName.MatchString(text) {
			c.add(model.Error, model.CodeInvalidValue, index(field, i), "want ACCOUNT or NAMESPACE/ACCOUNT; stars are no wildcards here",
				"no service account is named %q", in[i])
		}
		out = append(out, text)
	}
	return out
}

var trustDomainPattern = regexp.MustCompile(`^\*?[-._a-z0-9]*\*?$`)

func (c *conversion) trustDomains(in []string, field string) []model.StringMatch {
	for i, text := range in {
		if text != "" && !trustDomainPattern.MatchString(text) {
			c.bad(index(field, i), "no trust domain is named %q", text)
		}
	}
	return c.patterns(in, field)
}

// requestPrincipals are ISSUER/SUBJECT, parted at the last slash, since an
// issuer may be a URL. One star stands for all that is before, or behind.
func (c *conversion) requestPrincipals(in []string, field string) []model.RequestPrincipal {
	var out []model.RequestPrincipal
	for i, text := range in {
		at := index(field, i)
		last := strings.LastIndexByte(text, '/')
		if text == "" {
			c.bad(at, "it is empty")
		} else if last < 0 && !strings.HasPrefix(text, "*") && !strings.HasSuffix(text, "*") {
			c.add(model.Warning, model.CodeInvalidValue, at, "want ISSUER/SUBJECT", "it matches only tokens whose subject is empty")
		}
		out = append(out, requestPrincipal(text, last))
	}
	return out
}

func requestPrincipal(text string, slash int) model.RequestPrincipal {
	exact := func(s string) model.StringMatch { return model.StringMatch{Kind: model.Exact, Value: s} }
	issuer, subject := text, ""
	if slash >= 0 {
		issuer, subject = text[:slash], text[slash+1:]
	}
	out := model.RequestPrincipal{Issuer: exact(issuer), Subject: exact(subject)}
	switch {
	case text == "*":
		return model.RequestPrincipal{Issuer: something, Subject: something}
	case strings.HasPrefix(text, "*") && slash < 0:
		return model.RequestPrincipal{Issuer: something, Subject: value(text)}
	case strings.HasPrefix(text, "*"):
		out.Issuer = value(issuer)
	case strings.HasSuffix(text, "*") && slash < 0:
		return model.RequestPrincipal{Issuer: value(text), Subject: something}
	case strings.HasSuffix(text, "*"):
		out.Subject = value(subject)
	}
	return out
}

// value is a pattern of a text that is there: a star alone is something.
func value(text string) model.StringMatch {
	if text == "*" {
		return something
	}
	return pattern(text)
}
