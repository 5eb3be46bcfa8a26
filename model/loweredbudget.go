package model

import "slices"

// LoweredBudget bounds what the rules of RegoPolicies may take of a proxy that
// decides by them.
type LoweredBudget struct {
	Bytes      int64    `json:"bytes,omitempty"`      // of its configuration; 0: 2 MiB
	MainThread Duration `json:"mainThread,omitempty"` // of its main thread, when they come; 0: 50 ms
}

const (
	defaultLoweredBytes      = 2 << 20
	defaultLoweredMainThread = Duration(50e6)

	// loweredPerByte is what a byte of matchers costs a proxy's main thread, as
	// measured: 10,000 rules on a path and a header, 2.3 MB, take about 0.45 s.
	loweredPerByte = Duration(200)

	loweredTest = 110 // bytes of a test, but for its values
)

// Native tells of a workload's policies, in their order, which of them its
// proxy decides: those that fit into what the ones before them left. Of the
// others all requests are asked.
func (b LoweredBudget) Native(policies []*RegoPolicy) []bool {
	left := b.Bytes
	if left == 0 {
		left = defaultLoweredBytes
	}
	stall := b.MainThread
	if stall == 0 {
		stall = defaultLoweredMainThread
	}
	left = min(left, int64(stall/loweredPerByte))
	out := make([]bool, len(policies))
	for i, p := range policies {
		if size := p.Lowered.Bytes(); size > 0 && size <= left {
			out[i], left = true, left-size
		}
	}
	return out
}

// PastBudget are the workloads whose proxies have no room for a policy.
func (s *Snapshot) PastBudget(p *RegoPolicy) []string {
	var out []string
	if p.Lowered.Bytes() == 0 {
		return nil
	}
	for _, w := range s.Workloads {
		if !p.Selector.Matches(w) {
			continue
		}
		var all []*RegoPolicy
		at := 0
		for _, other := range s.Rego {
			if other.Selector.Matches(w) {
				if other == p {
					at = len(all)
				}
				all = append(all, other)
			}
		}
		if !s.Mesh.Lowering.Native(all)[at] {
			out = append(out, w.ID())
		}
	}
	return out
}

// Bytes is about how much of a proxy's configuration the rules become; 0: there
// are none.
func (l *Lowered) Bytes() int64 {
	if l == nil {
		return 0
	}
	var out int64
	for _, r := range l.Rules {
		const action = 110 // and the branch that it stands in
		copies, size := int64(1), action+int64(len(r.Rule))
		r.When.sizes(&copies, &size)
		if r.When.keyed() {
			size -= loweredTest // its tree has it once
		}
		out += copies * size
	}
	for _, a := range l.Answers {
		out += int64(len(a.Body)) + 64
		for _, h := range a.Headers {
			out += int64(len(h.Name) + len(h.Value))
		}
	}
	return out
}

// keyed tells whether a tree may look a rule up.
func (p *Predicate) keyed() bool {
	if p.Test != nil {
		return p.Test.Input.Kind != InputClaim && (p.Test.How == TestIn || p.Test.How == TestPrefix || p.Test.How == TestCIDR)
	}
	return p.Op == OpAll && slices.ContainsFunc(p.Of, func(of Predicate) bool { return of.keyed() })
}

// sizes adds a predicate: its bytes, and in how many branches of a tree its
// rule may stand, one for each value of its largest set.
func (p *Predicate) sizes(copies, size *int64) {
	for i := range p.Of {
		p.Of[i].sizes(copies, size)
		*size += 8
	}
	if p.Test == nil {
		return
	}
	one := int64(loweredTest)
	switch p.Test.Input.Kind {
	case InputClaim, InputTime, InputSame:
		one = 330
	}
	values := int64(0)
	for _, v := range p.Test.Values {
		values += int64(len(v)) + 3
	}
	if n := int64(len(p.Test.Values)); n > 1 && (p.Test.How == TestIn || p.Test.How == TestPrefix || p.Test.How == TestCIDR) {
		*copies = max(*copies, n)
		values /= n // of a branch
	}
	*size += one + values
}
