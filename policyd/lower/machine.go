package lower

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

// machine evaluates one policy.
type machine struct {
	policy   model.RegoPolicy
	linked   *rego.Linked
	data     *base
	document *node
	rules    map[*ast.TreeNode]*extent // of complete and partial rules, once evaluated
	calls    map[string]*extent        // of functions, by their arguments
	guards   map[string]*cond          // requests for which some test means another thing
	refs     map[string]model.Read
	readsAll bool
	volatile map[string]bool
	builtins map[string]func(call) []outcome
	fault    string // a panic of ours
	looks    int    // at items of lists
	steps    int
	depth    int
}

// maxSteps bounds what one policy may cost: expressions that are evaluated.
const maxSteps = 400_000

// maxDepth bounds how deep rules may call each other.
const maxDepth = 100

func newMachine(linked *rego.Linked, p model.RegoPolicy, attributes []*model.AttributeSet, data *base) *machine {
	return &machine{policy: p, linked: linked, data: data, document: document(p, attributes),
		builtins: understood(), rules: map[*ast.TreeNode]*extent{}, calls: map[string]*extent{},
		guards: map[string]*cond{}, refs: map[string]model.Read{}, volatile: map[string]bool{}}
}

// tooMuch is thrown where a policy costs more than it may.
type tooMuch struct{}

func (m *machine) step() {
	if m.steps++; m.steps > maxSteps {
		panic(tooMuch{})
	}
}

// guard says that requests for which c holds must be asked about: some test
// would mean another thing for them.
func (m *machine) guard(c *cond) { m.guards[c.key] = c }

// stopAt makes a Stop at a place of a module.
func stopAt(at *ast.Location, expression, why string) *model.Stop {
	s := &model.Stop{Expression: expression, Why: why}
	if at != nil {
		s.Module, s.Line = at.File, at.Row
		if len(at.Text) > 0 && len(at.Text) < 200 {
			s.Expression = string(at.Text)
		}
	}
	return s
}

// state is how far the evaluation of a body came: what its variables are, and
// under which condition that is so.
type state struct {
	env  *binding
	when *cond
	errs *[]*cond // when evaluating comes to an error
	at   *ast.Expr
}

// binding is one variable; the later ones come first.
type binding struct {
	name  ast.Var
	value value
	next  *binding
}

func (s state) get(name ast.Var) (value, bool) {
	for b := s.env; b != nil; b = b.next {
		if b.name == name {
			return b.value, true
		}
	}
	return nil, false
}

func (s state) bind(name ast.Var, v value) state {
	s.env = &binding{name, v, s.env}
	return s
}

// on adds a condition; false: then nothing is left.
func (s state) on(c *cond) (state, bool) {
	if c.op == condTrue || c.op == condFalse {
		return s, c.op == condTrue
	}
	if s.at != nil {
		c.placeAt(s.at)
	}
	s.when = and(s.when, c)
	return s, s.when.op != condFalse
}

// fail says that evaluating what follows s may come to an error.
func (s state) fail(c *cond) {
	if c = and(s.when, c); c.op != condFalse {
		*s.errs = append(*s.errs, c)
	}
}

// placeAt says of each stop that does not know it where it is.
func (c *cond) placeAt(e *ast.Expr) {
	switch c.op {
	case condStop:
		place(c.stop, e)
	case condTest, condNotTest:
		if c.test.in.why != nil {
			place(c.test.in.why, e)
		}
	case condAnd, condOr:
		for _, x := range c.of {
			x.placeAt(e)
		}
	}
}

func place(s *model.Stop, e *ast.Expr) {
	if s.Module == "" && e.Location != nil {
		s.Module, s.Line = e.Location.File, e.Location.Row
		if s.Expression == "" {
			s.Expression = string(e.Location.Text)
		}
	}
}
