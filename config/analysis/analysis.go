// Package analysis looks at a resolved configuration for what is in force and
// probably not meant: rules that no request gets to, ports that nobody opens,
// certificates that end. It finds warnings only: what keeps an object out of
// force is found where it is resolved. It never looks at a clock or a network.
package analysis

import (
	"fmt"
	"time"

	"github.com/krater-mesh/krater/crds"
	"github.com/krater-mesh/krater/model"
)

// Input is what is analyzed.
type Input struct {
	Snapshot  *model.Snapshot // sealed
	Endpoints model.Endpoints
	Entries   []*crds.Entry // those that the snapshot was made of
	Now       time.Time
	// ReadFile reads the certificates that objects name by path; nil: they are
	// not looked at.
	ReadFile func(path string) ([]byte, error)
}

// checks are all of them. A new one is a line here, and a file.
var checks = []func(*run){
	unreachableRules, joinedHosts, ruleProtocols, claims, delegates,
	conflictingServers, sharedCertificates, sidecars,
	callersSubsets, verification, certificates,
	portNames, sharedPorts, mutual,
}

// Analyze gives what all checks find, sorted.
func Analyze(in Input) model.Problems {
	r := &run{Input: in, entries: map[model.Ref]*crds.Entry{}}
	for i := range in.Entries {
		r.entries[in.Entries[i].Ref] = in.Entries[i]
	}
	for _, check := range checks {
		check(r)
	}
	return r.problems.Sorted()
}

// run is one analysis.
type run struct {
	Input
	entries  map[model.Ref]*crds.Entry
	problems model.Problems
}

func (r *run) warn(o model.Ref, code, field, fix, format string, args ...any) {
	r.add(model.Warning, o, code, field, fix, format, args...)
}

func (r *run) inform(o model.Ref, code, field, fix, format string, args ...any) {
	r.add(model.Info, o, code, field, fix, format, args...)
}

func (r *run) add(severity model.Severity, o model.Ref, code, field, fix, format string, args ...any) {
	p := model.Problem{Code: code, Severity: severity, Object: o, Field: field, Fix: fix,
		Message: fmt.Sprintf(format, args...), Origin: r.Snapshot.Origin(o)}
	if e := r.entries[o]; e != nil {
		p.Origin = e.At(field)
	}
	r.problems = append(r.problems, p)
}

// item names one item of a list.
func item(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }
