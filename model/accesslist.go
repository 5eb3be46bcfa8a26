package model

// AccessMatch is how the entries of an access list are compared.
type AccessMatch string

// The ways of comparing.
const (
	AccessExact AccessMatch = "EXACT"
	AccessFold  AccessMatch = "CASE_INSENSITIVE" // of ASCII letters
	AccessCIDR  AccessMatch = "CIDR"             // addresses and blocks
	AccessRegex AccessMatch = "REGEX"            // RE2, of the whole value
)

// AccessList refuses requests by one value of theirs: DENY those whose value
// is in the list, ALLOW those whose value is not, or that have none. Every list
// that selects a workload is asked: one that refuses is enough.
type AccessList struct {
	Object    Ref         `json:"object"`
	Selector  Selector    `json:"selector"`
	Action    Action      `json:"action"`
	Ports     []uint32    `json:"ports,omitempty"`     // of the workload; none: all
	Header    string      `json:"header,omitempty"`    // that is looked up, in lower case
	Attribute string      `json:"attribute,omitempty"` // or a declared attribute; neither: the caller's address
	Match     AccessMatch `json:"match"`
	Entries   []string    `json:"entries"`
}

// MaxNativeAccess is how many entries are compared one by one in the time that
// it takes to enter a Wasm filter, which looks them up.
const MaxNativeAccess = 200

// Native tells whether Envoy itself compares the entries: few, and not blocks of
// addresses that a header or an attribute holds, which it cannot.
func (l *AccessList) Native() bool {
	return len(l.Entries) <= MaxNativeAccess && !(l.Match == AccessCIDR && l.Header+l.Attribute != "")
}

// Refusal is the denial that a list is, as a policy.
func (l *AccessList) Refusal() AuthorizationPolicy {
	rule := AuthorizationRule{}
	if len(l.Ports) > 0 {
		rule.To = []Operation{{Ports: l.Ports}}
	}
	switch deny := l.Action == Deny; {
	case l.Header+l.Attribute == "" && deny:
		rule.From = []Source{{RemoteIPBlocks: l.Entries}}
	case l.Header+l.Attribute == "":
		rule.From = []Source{{NotRemoteIPBlocks: l.Entries}}
	case deny:
		rule.When = []Condition{{Header: l.Header, Attribute: l.Attribute, Values: l.values()}}
	default:
		rule.When = []Condition{{Header: l.Header, Attribute: l.Attribute, NotValues: l.values()}}
	}
	return AuthorizationPolicy{Object: l.Object, Selector: l.Selector, Action: Deny, Rules: []AuthorizationRule{rule}}
}

func (l *AccessList) values() []StringMatch {
	out := make([]StringMatch, len(l.Entries))
	for i, e := range l.Entries {
		out[i] = StringMatch{Kind: Exact, Value: e, IgnoreCase: l.Match == AccessFold}
		if l.Match == AccessRegex {
			out[i].Kind = Regex
		}
	}
	return out
}
