package authz

import (
	"context"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/policyd/turn"
)

// FailUnknown is the failure of a policy that is not there: a Closed one's,
// since nothing says otherwise.
const FailUnknown rego.FailureKind = "unknown policy"

// policies are the policies in force. Reading takes no lock.
type policies struct {
	mu      sync.Mutex // of writers
	line    *turn.Line
	current atomic.Pointer[generation]
}

// generation are the policies of one moment.
type generation struct {
	entries map[string]*entry
	keys    sync.Map // of what is asked together, by names: keeping
	known   atomic.Int32
}

// maxKnown is how many lists of policies a generation knows the key of: who
// asks makes them up.
const maxKnown = 1024

// entry is one policy in force. Without a compiled policy it is one that is
// unknown, or broken from its first version on.
type entry struct {
	policy  *rego.Policy
	asked   model.RegoPolicy // that was compiled
	missing string           // why there is no policy
	selects string           // workloads of this namespace only; "": of all
	labels  [2]metric.MeasurementOption
	// recorder keeps what the policy reads.
	recorder *rego.Recorder
	lane     *turn.Lane // nil: nothing is evaluated
}

var unknown = &entry{missing: "it is not here (yet)"}

func (p *policies) get(name string) *entry {
	if current := p.current.Load(); current != nil {
		if e, ok := current.entries[name]; ok {
			return e
		}
	}
	return unknown
}

func (e *entry) rule() string {
	if e.policy == nil {
		return ""
	}
	return e.policy.Query()
}

func (e *entry) evaluate(ctx context.Context, in *rego.Input) rego.Answer {
	if e.policy == nil {
		return rego.ErrorAnswer(model.FailClosed, &rego.Failure{Kind: FailUnknown, Detail: e.missing})
	}
	return e.policy.Evaluate(ctx, in)
}

// SetPolicies replaces the policies in force by these, all at once. One that
// does not compile leaves its last good version in force; one that never had
// a good version denies. What is wrong is returned.
func (s *Server) SetPolicies(list []model.RegoPolicy) model.Problems {
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	next, problems := s.policies.compile(list)
	s.policies.current.Store(&generation{entries: next})
	return problems
}

// ReplacePolicies is SetPolicies, but changes nothing where one of the
// policies does not compile.
func (s *Server) ReplacePolicies(list []model.RegoPolicy) model.Problems {
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	next, problems := s.policies.compile(list)
	if !problems.HasErrors() {
		s.policies.current.Store(&generation{entries: next})
	}
	return problems
}

// compile makes entries of policies. What has not changed is not compiled
// again.
func (p *policies) compile(list []model.RegoPolicy) (map[string]*entry, model.Problems) {
	var problems model.Problems
	next := make(map[string]*entry, len(list))
	for _, policy := range list {
		key := policy.Object.Key()
		before := p.get(key)
		if before.policy != nil && before.policy.Version() == policy.Version() && before.policy.MaxBody() == policy.MaxBody {
			next[key] = before.declared(policy)
			continue
		}
		compiled, found := rego.CompileQuick(policy)
		problems = append(problems, found...)
		switch {
		case compiled != nil:
			next[key] = newEntry(compiled).declared(policy).lined(p.line)
		case before.policy != nil:
			next[key] = before.selecting(policy)
		default:
			next[key] = &entry{missing: "it does not compile", selects: policy.Selector.Namespace}
		}
	}
	return next, problems
}

// declared is the entry of a policy that was compiled.
func (e *entry) declared(p model.RegoPolicy) *entry {
	other := *e
	other.recorder = rego.NewRecorder(p.Lowered)
	other.asked, other.selects = p, p.Selector.Namespace
	return &other
}

// selecting is the entry for the workloads that a policy selects.
func (e *entry) selecting(p model.RegoPolicy) *entry {
	if e.selects == p.Selector.Namespace {
		return e
	}
	other := *e
	other.selects = p.Selector.Namespace
	return &other
}

func newEntry(p *rego.Policy) *entry {
	e := &entry{policy: p}
	for i := range e.labels {
		e.labels[i] = metric.WithAttributeSet(attribute.NewSet(
			attribute.String("krater.decision.policy", p.Object().String()), attribute.Bool("krater.decision.allowed", i == 1)))
	}
	return e
}
