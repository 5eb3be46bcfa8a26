package model

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
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

// String is one line: place, severity, code, object, field, message, fix. It
// goes to terminals, and a part of it may be what a stranger sent: characters
// that move the cursor, or more, are written as escapes.
func (p Problem) String() string { return printable(p.text()) }

// printable is a text without control characters, but for tabs and line ends.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) && r != '\t' && r != '\n' || r == '\u202e' || r == '\u2066' || r == '\u2067' {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (p Problem) text() string {
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

// AtLeast tells whether any is of a severity, or of a higher one.
func (ps Problems) AtLeast(s Severity) bool {
	rank := map[Severity]int{Info: 1, Warning: 2, Error: 3}
	for _, p := range ps {
		if rank[p.Severity] >= rank[s] {
			return true
		}
	}
	return false
}

// Unique is a copy without repetitions: several proxies find the same.
func (ps Problems) Unique() Problems {
	out := Problems{} // in JSON, a list is never null
	known := map[Problem]bool{}
	for _, p := range ps {
		if !known[p] {
			known[p] = true
			out = append(out, p)
		}
	}
	return out
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
