// Package authz turns Envoy's ext_authz v3 checks into answers of the Rego
// policies that the check names. All of them must allow; the first denial is
// the answer. It never evaluates a part of a policy, and never fails open
// but where a policy says so.
package authz

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/decisionlog"
	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/policyd/turn"
)

// Options are what a Server is made of. Each may be left out.
type Options struct {
	Logger   *slog.Logger
	Recorder decisionlog.Recorder
	Random   io.Reader        // of decision ids
	Now      func() time.Time // of records and durations
	Turns    turn.Options     // how much is done at once, and waits
	Alone    *Alone           // nil: the proxies of a mesh ask
	// Awaits says that policies come later. Until then nobody is answered.
	Awaits bool
}

// Server answers checks. Its policies may be replaced at any time.
type Server struct {
	authv3.UnimplementedAuthorizationServer
	logger      *slog.Logger
	recorder    decisionlog.Recorder
	random      io.Reader
	now         func() time.Time
	instruments instruments
	policies    policies
	line        *turn.Line
	alone       *Alone // nil: the proxies of a mesh ask
	awaits      bool
}

var _ authv3.AuthorizationServer = (*Server)(nil)

// New makes a server that knows no policy: it denies what it is asked, or, where
// it awaits some, answers nobody before they are here.
func New(o Options) *Server {
	s := &Server{logger: o.Logger, recorder: o.Recorder, random: o.Random, now: o.Now, instruments: newInstruments(), line: turn.New(o.Turns), alone: o.Alone, awaits: o.Awaits}
	s.policies.line = s.line
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.recorder == nil {
		s.recorder = decisionlog.Discard{}
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// errNotYet is the answer of a server that has just started: whose policies fail
// open, and whose closed, the proxies know.
var errNotYet = status.Error(codes.Unavailable, "policyd does not know the policies yet")

// Check implements envoy.service.auth.v3.Authorization.
func (s *Server) Check(ctx context.Context, r *authv3.CheckRequest) (response *authv3.CheckResponse, err error) {
	defer func() { // rego contains its own panics: this one is a fault of ours
		if fault := recover(); fault != nil {
			s.logger.Error("a check failed", "stack", string(debug.Stack()))
			response, err = nil, status.Error(codes.Internal, "the check failed")
		}
	}()
	if s.awaits && s.policies.current.Load() == nil {
		return nil, errNotYet
	}
	q := readQuestion(ctx)
	q.decisionID, err = newDecisionID(s.random)
	if err != nil {
		return nil, status.Error(codes.Unavailable, "no randomness for a decision id")
	}
	if s.alone != nil {
		return s.checkAlone(ctx, q, rego.NewInput(r))
	}
	if len(q.policies) == 0 {
		return denied(noPolicy(q)), nil
	}
	in := rego.NewInput(r, q.declared...)
	if q.logged {
		in.Whole()
	}
	if q.shadow {
		return s.shadowed(ctx, q, in), nil
	}
	keep := s.policies.keeping(q)
	var all merged
	outcomes := make([]outcome, 0, len(q.policies))
	for _, name := range q.policies {
		o := s.decide(ctx, q, name, in)
		if len(q.policies) == 1 && overloaded(o) {
			return nil, errOverload // nothing was done: the proxy's failure mode is the policy's
		}
		outcomes = append(outcomes, o)
		if !o.answer.Allowed {
			response = denied(o)
			tell(q.denials, response, o)
			keep.may = keep.may && q.denials == (model.Denials{}) // the cache could not name the policy
			keep.mark(response, outcomes, r, s.now())
			return response, nil
		}
		all.add(o)
	}
	response = all.response()
	keep.mark(response, outcomes, r, s.now())
	return response, nil
}

// outcome is one policy's answer, with its identity.
type outcome struct {
	decision model.Decision
	answer   rego.Answer
}

// decide asks one policy, and tells of it.
func (s *Server) decide(ctx context.Context, q question, name string, in *rego.Input) outcome {
	entry := s.policies.get(name)
	started := s.now()
	ctx, span := s.instruments.start(ctx)
	defer span.End()
	o := outcome{decision: model.Decision{
		Policy: "RegoPolicy " + name, Rule: entry.rule(), Place: model.Daemon,
		PolicySet: q.policySet, DecisionID: q.decisionID, Shadow: q.shadow,
	}}
	if o.answer = notIts(); q.namespace == "" || entry.mayAsk(q.namespace) {
		o.answer = entry.inTurn(ctx, in)
	}
	o.decision.Allowed = o.answer.Allowed
	if f := o.answer.Failure; f != nil {
		o.decision.Reason = f.String()
		if f.Stack != "" {
			s.logger.Error("evaluating a policy panicked", "policy", name, "decision", q.decisionID, "stack", f.Stack)
		}
	}
	record := decisionlog.Record{Decision: o.decision, Workload: q.workload, Time: started, Duration: s.now().Sub(started)}
	s.instruments.observe(ctx, span, entry, record)
	if q.logged {
		s.describe(ctx, &record, entry, in, o.answer)
	}
	s.recorder.Record(record)
	return o
}

// noPolicy is the outcome of a check that names none: a fault of the proxy's
// configuration, which must not let anything through.
func noPolicy(q question) outcome {
	f := &rego.Failure{Kind: FailUnknown, Detail: "the check names no policy"}
	return outcome{
		decision: model.Decision{Place: model.Daemon, PolicySet: q.policySet, DecisionID: q.decisionID, Reason: f.String()},
		answer:   rego.ErrorAnswer(model.FailClosed, f),
	}
}
