package model

import (
	"fmt"
	"slices"
)

// Verdict is what lowered rules say of a request: the policy's whole answer,
// or that policyd must be asked.
type Verdict string

const (
	VerdictAllow Verdict = "allow"
	VerdictDeny  Verdict = "deny"
	VerdictAsk   Verdict = "ask"
)

// Lowered is what a proxy decides of a RegoPolicy by itself. Its rules are
// tried in their order: the first that holds gives the verdict, and where none
// holds policyd is asked. An allow or a deny is exactly the answer that policyd
// would give.
type Lowered struct {
	Rules []LoweredRule `json:"rules,omitempty"`
	// Answers are the denials that are more than a 403 without a body.
	Answers []LoweredAnswer `json:"answers,omitempty"`
	// Reads are all that the policy's reachable rules read of its input, sorted:
	// what a decision may depend on. ReadsAll: that is not known before a request
	// comes, for the input is read as a whole, or by computed keys.
	Reads    []Read `json:"reads,omitempty"`
	ReadsAll bool   `json:"readsAll,omitempty"`
	// Volatile are the reachable built-ins whose result is not made of their
	// arguments alone ("time.now_ns", "http.send"): such an answer is not kept.
	Volatile []string `json:"volatile,omitempty"`
	// Stops say what keeps the policy from being decided whole; none: it is.
	Stops []Stop `json:"stops,omitempty"`
}

// Whole tells whether the policy is decided by proxies, but for what guards ask
// about: requests that are written in a strange way.
func (l *Lowered) Whole() bool { return l != nil && len(l.Rules) > 0 && len(l.Stops) == 0 }

// Asks tells whether policyd may be asked: by a rule, or where none holds.
func (l *Lowered) Asks() bool {
	if l == nil || len(l.Rules) == 0 {
		return true
	}
	last := l.Rules[len(l.Rules)-1].When
	return last.Op != OpAll || len(last.Of) > 0 || slices.ContainsFunc(l.Rules, func(r LoweredRule) bool { return r.Verdict == VerdictAsk })
}

// LoweredRule is one rule: where When holds, Verdict is the policy's.
type LoweredRule struct {
	Rule    string    `json:"rule"` // what decides: "authz.rego:12", "default", "undefined", "conflict", "guard"
	When    Predicate `json:"when"`
	Verdict Verdict   `json:"verdict"`
	Answer  int       `json:"answer,omitempty"` // of a denial: Answers' index from 1; 0: a 403 without a body
}

// LoweredAnswer is a denial's response.
type LoweredAnswer struct {
	Status  uint32       `json:"status"`
	Body    string       `json:"body,omitempty"`
	Headers []HeaderText `json:"headers,omitempty"`
}

// HeaderText is one header of a response.
type HeaderText struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Stop is one place that keeps a policy from being decided by a proxy.
type Stop struct {
	Module     string `json:"module,omitempty"` // its name
	Line       int    `json:"line,omitempty"`
	Expression string `json:"expression,omitempty"`
	Why        string `json:"why"`
}

// Read is one value of the input document that a policy reads.
type Read struct {
	Ref   string      `json:"ref"`             // "input.attributes.request.http.method"
	Input *ProxyInput `json:"input,omitempty"` // nil: a proxy has no such value
}

// Predicate is a condition on a request. It has two values: a test of what is
// not there does not hold.
type Predicate struct {
	Op   PredicateOp `json:"op"`
	Of   []Predicate `json:"of,omitempty"`   // all, any: any number; not: one
	Test *Test       `json:"test,omitempty"` // test
}

// PredicateOp is how a predicate is made.
type PredicateOp string

const (
	OpAll  PredicateOp = "all" // of none: holds
	OpAny  PredicateOp = "any" // of none: does not hold
	OpNot  PredicateOp = "not"
	OpTest PredicateOp = "test"
)

// Test compares one value of a request with constants.
type Test struct {
	Input  ProxyInput `json:"input"`
	How    TestOp     `json:"how"`
	Values []string   `json:"values,omitempty"`
}

// TestOp is how a value is compared, byte by byte where nothing else is said.
type TestOp string

const (
	TestPresent  TestOp = "present"  // it is there, empty or not; no Values
	TestIn       TestOp = "in"       // it is one of Values
	TestPrefix   TestOp = "prefix"   // it begins with one of Values
	TestSuffix   TestOp = "suffix"   // it ends in one of Values
	TestContains TestOp = "contains" // one of Values is in it
	TestRegex    TestOp = "regex"    // the whole of it matches one of Values (RE2), a byte being a letter
	TestCIDR     TestOp = "cidr"     // it is an address in one of Values
	// Numbers: the value is read as a number (a port, a claim, a declared
	// attribute), and compared with Values[0].
	TestLess         TestOp = "less"
	TestLessEqual    TestOp = "lessEqual"
	TestGreater      TestOp = "greater"
	TestGreaterEqual TestOp = "greaterEqual"
	TestEqualNumber  TestOp = "equalNumber"
	TestBool         TestOp = "bool" // it is the boolean of Values[0], "true" or "false"
	TestNull         TestOp = "null" // a claim is there, and null; no Values
)

// ProxyInput is a value that Envoy has of a request when it decides.
type ProxyInput struct {
	Kind InputKind `json:"kind"`
	Name string    `json:"name,omitempty"` // header: in lower case; attribute: its name
	Path []string  `json:"path,omitempty"` // claim: the members of the payload that lead to it
	// Items: it is a list, and a test of it holds where it does of one of its
	// items. What is no list, or an empty one, fails every such test.
	Items bool `json:"items,omitempty"`
	// Part picks one of a path's parts, which stand between slashes; the first
	// is 1. 0: the whole.
	Part int `json:"part,omitempty"`
	// Of are the two texts that are compared; Name is made of them.
	Of []ProxyInput `json:"of,omitempty"`
}

// Same is whether two values of a request are one text: "true" or "false", and
// nothing where one of them is not there.
func Same(a, b ProxyInput) ProxyInput {
	return ProxyInput{Kind: InputSame, Name: a.text() + " = " + b.text(), Of: []ProxyInput{a, b}}
}

func (i ProxyInput) text() string {
	return fmt.Sprintf("%s %q %q %d", i.Kind, i.Name, i.Path, i.Part)
}

// InputKind is what a value is.
type InputKind string

const (
	// InputHeader is a header, the pseudo headers too: several of one name are
	// joined by a comma, without a space. ":path" has the query.
	InputHeader InputKind = "header"
	// InputPath is :path up to the first "?" or "#".
	InputPath            InputKind = "path"
	InputSourceAddress   InputKind = "sourceAddress" // of the connection's peer, without port
	InputSourcePort      InputKind = "sourcePort"
	InputDestination     InputKind = "destinationAddress"
	InputDestinationPort InputKind = "destinationPort"
	InputPrincipal       InputKind = "principal" // the URI of the peer's certificate
	InputSNI             InputKind = "sni"       // what the client asked TLS for
	InputProtocol        InputKind = "protocol"  // "HTTP/1.1", "HTTP/2"
	InputClaim           InputKind = "claim"     // of the token that jwt_authn verified
	InputAttribute       InputKind = "attribute" // a declared one
	InputSame            InputKind = "same"      // see Same
	InputTime            InputKind = "time"      // when the request came: Unix seconds, as a number
)
