// Package fuzzlower draws Rego policies, and requests that nearly match them,
// from a seed: the same numbers give the same draws. Its tests hold OPA, the
// reference evaluator of lowered rules and a real Envoy to one answer. It
// never decides.
package fuzzlower

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Policy is a drawn policy, in parts that can be left out one by one.
type Policy struct {
	V0      bool
	Imports []string
	Rules   []Rule
	Data    map[string]any
	Query   string
	Failure model.FailureMode
	MaxBody uint32
	// Features are the constructs that were drawn, and Atoms what the policy
	// compares with what: requests are drawn toward them.
	Features map[string]bool
	Atoms    []Atom
}

// Atom is one constant that a policy holds an input of the request against.
type Atom struct {
	Input string // "method", "header:x-role", "claim:sub", ...
	Text  string
	Value any // of a claim that is no text
}

// Rule is one rule. Element is the member of a partial set.
type Rule struct {
	Default bool
	Head    string
	Element string
	Value   string
	Body    []string
	Else    []Arm
}

// Arm is one else branch.
type Arm struct {
	Value string
	Body  []string
}

const packageName = "fuzz"

// Source is the policy's one module.
func (p Policy) Source() string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\n", packageName)
	for _, i := range p.Imports {
		fmt.Fprintf(&b, "import %s\n", i)
	}
	if len(p.Imports) > 0 {
		b.WriteByte('\n')
	}
	for _, r := range p.Rules {
		b.WriteString(r.text(p.V0))
		b.WriteByte('\n')
	}
	return b.String()
}

func (r Rule) text(v0 bool) string {
	assign, iff := " := ", " if {"
	if v0 {
		assign, iff = " = ", " {"
	}
	head := r.Head
	switch {
	case r.Element != "" && v0:
		head += "[" + r.Element + "]"
	case r.Element != "":
		head += " contains " + r.Element
	}
	if r.Value != "" {
		head += assign + r.Value
	}
	if r.Default {
		return "default " + head + "\n"
	}
	if len(r.Body) == 0 && len(r.Else) == 0 {
		if r.Value == "" && r.Element == "" {
			head += assign + "true"
		}
		return head + "\n"
	}
	out := head + iff + "\n" + lines(r.Body) + "}"
	for _, e := range r.Else {
		out += " else"
		if e.Value != "" {
			out += assign + e.Value
		}
		if len(e.Body) > 0 {
			out += iff + "\n" + lines(e.Body) + "}"
		}
	}
	return out + "\n"
}

func lines(body []string) string {
	if len(body) == 0 {
		return "\ttrue\n"
	}
	return "\t" + strings.Join(body, "\n\t") + "\n"
}

// DataJSON is spec.data.
func (p Policy) DataJSON() string {
	if len(p.Data) == 0 {
		return ""
	}
	b, err := json.Marshal(p.Data)
	if err != nil {
		panic(err) // it was made of JSON's types
	}
	return string(b)
}

// Model is the policy as the control plane hands it over. Its timeout is long:
// a busy machine is no disagreement.
func (p Policy) Model(name string) model.RegoPolicy {
	return model.RegoPolicy{
		Object:  model.Ref{Kind: "RegoPolicy", Namespace: "fuzz", Name: name},
		Modules: []model.RegoModule{{Name: "fuzz.rego", Source: p.Source()}},
		Data:    p.DataJSON(), Query: p.Query, Mode: model.Enforce, Failure: p.Failure,
		Timeout: model.Duration(20 * time.Second), MaxBody: p.MaxBody,
	}
}

// FeatureNames lists what was drawn, sorted.
func (p Policy) FeatureNames() []string { return slices.Sorted(maps.Keys(p.Features)) }
