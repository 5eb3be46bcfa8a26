package model

import (
	"fmt"
	"net/netip"
	"strings"
)

// DefaultServiceAccount is that of a workload that names none.
const DefaultServiceAccount = "default"

// Identity is who a workload is, by its certificate: a SPIFFE ID in the form
// that Istio gave it.
type Identity struct {
	TrustDomain    string `json:"trustDomain"`
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
}

// String is the URI in the certificate.
func (i Identity) String() string {
	return "spiffe://" + i.TrustDomain + "/ns/" + i.Namespace + "/sa/" + i.ServiceAccount
}

// Principal is what policies call it: the URI without its scheme.
func (i Identity) Principal() string { return strings.TrimPrefix(i.String(), "spiffe://") }

// ParseIdentity reads "spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT", and
// nothing else: no part is empty, or has another character than DNS names have.
func ParseIdentity(uri string) (Identity, error) {
	rest, ok := strings.CutPrefix(uri, "spiffe://")
	part := strings.Split(rest, "/")
	if !ok || len(part) != 5 || part[1] != "ns" || part[3] != "sa" {
		return Identity{}, fmt.Errorf("%q is not spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT", uri)
	}
	for _, p := range []string{part[0], part[2], part[4]} {
		if !isName(p) {
			return Identity{}, fmt.Errorf("%q is not spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT: %q is no name", uri, p)
		}
	}
	if strings.Contains(part[2], ".") {
		return Identity{}, fmt.Errorf("%q: a namespace has no dot", uri)
	}
	return Identity{part[0], part[2], part[4]}, nil
}

// isName tells whether s has the characters of a DNS name only.
func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= 253
}

// Identity is the workload's, in a trust domain.
func (w Workload) Identity(trustDomain string) Identity {
	account := w.ServiceAccount
	if account == "" {
		account = DefaultServiceAccount
	}
	return Identity{trustDomain, w.Namespace, account}
}

// DNSName is the workload's name in its certificate, beside its identity.
func (w Workload) DNSName(trustDomain string) string {
	return w.Name + "." + w.Namespace + ".workload." + trustDomain
}

// ParseDNSName reads a workload's namespace and name from its certificate's
// DNS name.
func ParseDNSName(name, trustDomain string) (namespace, workload string, ok bool) {
	rest, ok := strings.CutSuffix(name, ".workload."+trustDomain)
	if !ok {
		return "", "", false
	}
	workload, namespace, _ = cutLast(rest, ".")
	return namespace, workload, ok && isName(workload) && isName(namespace)
}

// cutLast is strings.Cut at the last separator: a workload's name may have
// dots, a namespace has none.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// MemberName is the name of the workload that registers itself by a group
// from an address.
func MemberName(group string, a netip.Addr) string {
	return group + "-" + strings.NewReplacer(".", "-", ":", "-").Replace(a.Unmap().WithZone("").StringExpanded())
}
