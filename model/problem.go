package model

import (
	"fmt"
	"sort"
	"strings"
)

// Severity says whether a Problem keeps an object from being in force.
type Severity string

const (
	// Error: the object, as it is written, is not in force.
	Error Severity = "error"
	// Warning: in force, but probably not what was meant.
	Warning Severity = "warning"
	// Info: worth knowing.
	Info Severity = "info"
)

// Problem codes. A code is stable: users suppress and search by it.
const (
	CodeSyntax          = "KR0001" // not YAML, or not an object
	CodeUnknownKind     = "KR0002"
	CodeUnknownField    = "KR0003"
	CodeInvalidValue    = "KR0004"
	CodeDuplicateObject = "KR0005"
	CodeNotSupported    = "KR0006" // accepted, not yet translated
	CodeMissing         = "KR0007" // a required field is absent
	CodeBadRegex        = "KR0008"
	CodeBadRego         = "KR0009"
	CodeBadModule       = "KR0010" // a Wasm module that cannot be had, or is not Wasm
	CodeBadExpression   = "KR0011"
	CodeNotAllowed      = "KR0012"  // selects what it may not select
	CodeRejected        = "KR0013"  // a proxy refused it (NACK)
	CodeLastGood        = "KR0014"  // an older version stays in force
	CodeNoLastGood      = "KR0015"  // access is denied until it is mended
	CodeDeprecated      = "IST0002" // Istio's Deprecated
	CodePort            = "KR0017"  // a port in use, or used twice

	CodeUnresolvedHost    = "IST0101" // Istio's ReferencedResourceNotFound
	CodeUnresolvedSubset  = "IST0173" // Istio's DestinationRuleSubsetNotSelectPods
	CodeUnresolvedGateway = "IST0101"
	CodeWeights           = "KR0018"
	CodeShadowed          = "KR0019"  // an older object says it already, and counts
	CodeSelectsNothing    = "IST0127" // Istio's NoMatchingWorkloadsFound
	CodeHostConflict      = "IST0109" // Istio's ConflictingMeshGatewayVirtualServiceHosts
	CodePortRequired      = "IST0112" // Istio's VirtualServiceDestinationPortSelectorRequired
	CodeUnreachable       = "IST0130" // Istio's VirtualServiceUnreachableRule
	CodeUnknownTarget     = "IST0174" // Istio's UnknownDestinationRuleHost
	CodeGatewayHost       = "IST0132" // Istio's VirtualServiceHostNotFoundInGateway
)

// Problem is what a user can mend: a value that travels with the result.
type Problem struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Object   Ref      `json:"object"`
	Field    string   `json:"field,omitempty"` // path inside the object, "spec.http[0].route[1].weight"
	Message  string   `json:"message"`
	Fix      string   `json:"fix,omitempty"` // what to do about it
	Origin   Origin   `json:"origin,omitzero"`
}

// String is one line: place, severity, code, object, field, message, fix.
func (p Problem) String() string {
	var b strings.Builder
	if at := p.Origin.String(); at != "" {
		b.WriteString(at + ": ")
	}
	fmt.Fprintf(&b, "%s [%s]", p.Severity, p.Code)
	if p.Object.Name != "" {
		b.WriteString(" " + p.Object.String())
	}
	if p.Field != "" {
		b.WriteString(" " + p.Field)
	}
	b.WriteString(": " + p.Message)
	if p.Fix != "" {
		b.WriteString(" (" + p.Fix + ")")
	}
	return b.String()
}

// Problems is a list with the questions callers ask of it.
type Problems []Problem

// HasErrors tells whether any is an Error.
func (ps Problems) HasErrors() bool {
	for _, p := range ps {
		if p.Severity == Error {
			return true
		}
	}
	return false
}

// Sorted is a copy in the order of file, line, object, field and code.
func (ps Problems) Sorted() Problems {
	out := append(Problems(nil), ps...)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Origin.File != b.Origin.File {
			return a.Origin.File < b.Origin.File
		}
		if a.Origin.Line != b.Origin.Line {
			return a.Origin.Line < b.Origin.Line
		}
		if a.Object != b.Object {
			return a.Object.Less(b.Object)
		}
		if a.Field != b.Field {
			return a.Field < b.Field
		}
		return a.Code < b.Code
	})
	return out
}
