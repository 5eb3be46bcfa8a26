package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// callerFails is what of a source's conditions on the caller's certificate
// does not hold; "": all do. Principal is "" where there is no certificate.
func callerFails(s model.Source, principal string) string {
	for _, why := range []string{
		listed("principal", s.Principals, s.NotPrincipals, model.StringMatch.Matches, Describe, principal),
		listed("namespace", s.Namespaces, s.NotNamespaces, inNamespace, Describe, principal),
		listed("service account", s.ServiceAccounts, s.NotServiceAccounts, hasAccount, strings.Clone, principal),
		listed("trust domain", s.TrustDomains, s.NotTrustDomains, inTrustDomain, Describe, principal),
	} {
		if why != "" {
			return why
		}
	}
	return ""
}

// listed compares a principal with a list, and with the list of what it must
// not be. Nobody is in either.
func listed[T any](what string, yes, no []T, matches func(T, string) bool, describe func(T) string, principal string) string {
	is := func(v T) bool { return principal != "" && matches(v, principal) }
	if len(yes) > 0 && !slices.ContainsFunc(yes, is) {
		var want []string
		for _, v := range yes {
			want = append(want, describe(v))
		}
		if principal == "" {
			return fmt.Sprintf("the caller shows no certificate: its %s is not %s", what, strings.Join(want, " or "))
		}
		return fmt.Sprintf("the %s of %s is not %s", what, principal, strings.Join(want, " or "))
	}
	if i := slices.IndexFunc(no, is); i >= 0 {
		return fmt.Sprintf("the %s of %s is %s", what, principal, describe(no[i]))
	}
	return ""
}

// inNamespace looks for the namespace after any "/ns/", up to any "/": so it
// is compared in Envoy, where principals of other forms have no other meaning.
func inNamespace(m model.StringMatch, principal string) bool {
	return parted("//"+principal, "/ns/", func(_, rest string) bool {
		for i := range len(rest) {
			if rest[i] == '/' && m.Matches(rest[:i]) {
				return true
			}
		}
		return false
	})
}

// hasAccount looks for "…/ns/NAMESPACE/", anything, "sa/ACCOUNT", and the end
// or something after a slash.
func hasAccount(account, principal string) bool {
	namespace, name := model.ParseKey(account, "")
	return parted(principal, "/ns/"+namespace+"/", func(before, rest string) bool {
		return before != "" && parted("/"+rest, "/sa/"+name, func(between, end string) bool {
			return between != "/" && (end == "" || len(end) > 1 && end[0] == '/')
		})
	})
}

func inTrustDomain(m model.StringMatch, principal string) bool {
	domain, _, whole := strings.Cut(principal, "/")
	return whole && m.Matches(domain)
}

// parted tells whether a condition holds of what stands before and after some
// place of a separator.
func parted(text, separator string, holds func(before, rest string) bool) bool {
	for i := 0; ; i++ {
		k := strings.Index(text[i:], separator)
		if k < 0 {
			return false
		}
		if i += k; holds(text[:i], text[i+len(separator):]) {
			return true
		}
	}
}
