package rego

import "github.com/krater-mesh/krater/model"

// Answer is the whole response to a request (design section 5).
type Answer struct {
	// Allowed is what happens to the request: the verdict or, where there is
	// none, what the failure mode says.
	Allowed bool
	// Failure is nil for a verdict, else why there is none.
	Failure *Failure
	Status  int    // HTTP status of a denial; 403 where the policy gives none
	Body    string // body of a denial
	// Headers are set on the request where it is allowed, and on the response
	// where it is denied. A name's first value replaces what is there, its
	// further ones are added.
	Headers []Header
	// ResponseHeaders are added to the response of an allowed request.
	ResponseHeaders []Header
	// RemoveHeaders are taken off an allowed request, after Headers are set.
	RemoveHeaders []string
	SetQuery      []Header // query parameters set on an allowed request
	RemoveQuery   []string // query parameters taken off an allowed request
	// Metadata is the policy's own dynamic metadata: strings, bools, nils,
	// float64s, lists ([]any) and objects (map[string]any) of them.
	Metadata map[string]any
}

// Header is one name and value, of a header or a query parameter.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// FailureKind says why there is no verdict.
type FailureKind string

const (
	FailUndefined  FailureKind = "undefined"  // no rule gave a value
	FailType       FailureKind = "type"       // a value that is no answer
	FailConflict   FailureKind = "conflict"   // two values for one rule
	FailEvaluation FailureKind = "evaluation" // any other error of the evaluation
	FailTimeout    FailureKind = "timeout"    // spec.timeout, or the caller's
	FailMemory     FailureKind = "memory"     // spec.memory
	FailBody       FailureKind = "body"       // it is longer than spec.maxBody, and must be whole
	FailInput      FailureKind = "input"      // a request that cannot be read
	FailPanic      FailureKind = "panic"      // a fault of the evaluator, contained
)

// Failure is why there is no verdict. Detail never holds a value of the
// request: it goes to logs, spans and metadata.
type Failure struct {
	Kind   FailureKind
	Detail string
	// Stack is where a panic happened; for the log only.
	Stack string
}

// String gives "kind" or "kind: detail".
func (f *Failure) String() string {
	if f.Detail == "" {
		return string(f.Kind)
	}
	return string(f.Kind) + ": " + f.Detail
}

// ErrorAnswer is the answer of a policy that has no verdict.
func ErrorAnswer(mode model.FailureMode, f *Failure) Answer {
	return Answer{Allowed: mode == model.FailOpen, Failure: f, Status: defaultDenial}
}

const defaultDenial = 403
