package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Report is what a verification came to.
type Report struct {
	Digest        string        `json:"digest"`
	Size          int64         `json:"size"`
	Type          Type          `json:"type"`
	ABI           string        `json:"abi,omitempty"`
	Imports       []string      `json:"imports,omitempty"`
	Exports       []string      `json:"exports,omitempty"`
	StartTime     time.Duration `json:"startTimeNanos,omitempty"` // until it was configured; in an interpreter
	MemoryAtStart int64         `json:"memoryAtStartBytes,omitempty"`
	Requests      int           `json:"requests,omitempty"` // or connections, that went through it
	MemoryAfter   int64         `json:"memoryAfterBytes,omitempty"`
	// GrowthPerRequest is what a request still adds at the end, in bytes.
	GrowthPerRequest int64         `json:"growthPerRequestBytes"`
	Took             time.Duration `json:"tookNanos"`
	Findings         []Finding     `json:"findings,omitempty"`
	Log              []string      `json:"log,omitempty"` // the module's own last lines
}

// Check is what a finding is about.
type Check string

// The checks, in their order.
const (
	CheckSize     Check = "size"
	CheckFormat   Check = "format"
	CheckABI      Check = "abi"
	CheckImports  Check = "imports"
	CheckExports  Check = "exports"
	CheckMemory   Check = "memory"
	CheckStart    Check = "start"
	CheckConfig   Check = "config" // about Options, not about the module
	CheckRequests Check = "requests"
	CheckGrowth   Check = "growth"
	CheckTime     Check = "time"
)

// Checks are all of them, in the order in which they are made.
var Checks = []Check{
	CheckSize, CheckFormat, CheckABI, CheckImports, CheckExports, CheckMemory, CheckStart, CheckConfig, CheckRequests, CheckGrowth, CheckTime,
}

// Level is how bad a finding is.
type Level string

// The levels. With an Error a module is not to be given to proxies.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
)

// Finding is something that was found.
type Finding struct {
	Check   Check  `json:"check"`
	Level   Level  `json:"level"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// String is the finding in one line.
func (f Finding) String() string {
	if f.Fix == "" {
		return fmt.Sprintf("%s: %s", f.Check, f.Message)
	}
	return fmt.Sprintf("%s: %s; %s", f.Check, f.Message, f.Fix)
}

// OK tells that no finding is an Error.
func (r Report) OK() bool { return r.Err() == nil }

// Err has the errors found, one a line, or is nil.
func (r Report) Err() error {
	var all []error
	for _, f := range r.Findings {
		if f.Level == Error {
			all = append(all, errors.New(f.String()))
		}
	}
	return errors.Join(all...)
}

func newReport(wasm []byte, o Options) Report {
	sum := sha256.Sum256(wasm)
	fill(&o.Type, HTTP)
	return Report{Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(wasm)), Type: o.Type}
}

func (r *Report) add(c Check, l Level, fix, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{Check: c, Level: l, Message: fmt.Sprintf(format, args...), Fix: fix})
}

func (r *Report) fail(c Check, fix, format string, args ...any) {
	r.add(c, Error, fix, format, args...)
}
