package lower

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// builtin gives the outcomes of a built-in: of what is known OPA's own.
func (m *machine) builtin(c call) []outcome {
	for _, a := range c.args {
		m.use(a)
	}
	if why := Volatile[c.name]; why != "" {
		m.volatile[c.name] = true
		if c.name != "time.now_ns" {
			return c.stop(why)
		}
		return now(c)
	}
	if c.misindexed() {
		return c.stop("OPA does not find the rule for each of these")
	}
	args := make([]*ast.Term, len(c.args))
	all := true
	for i, a := range c.args {
		g, ok := ground(a)
		if all = all && ok; all {
			args[i] = ast.NewTerm(g)
		}
	}
	if all {
		return c.fold(args)
	}
	for _, a := range c.args {
		if o, ok := a.(opaque); ok {
			return []outcome{{stopped(o.stop), o}}
		}
	}
	if f := m.builtins[c.name]; f != nil {
		out := f(c)
		if len(out) != 1 || !isOpaque(out[0].v) {
			return out
		}
		if ways := c.expanded(); ways != nil {
			return ways
		}
		return out
	}
	if ways := c.expanded(); ways != nil {
		return ways
	}
	return c.stop(c.name + " of a value of the request")
}

func isOpaque(v value) bool { _, ok := v.(opaque); return ok }

// expanded computes a built-in of collections whose members are constants, for
// each way in which they may be there.
func (c call) expanded() []outcome {
	ways, ok := expandList(c.args, func(values []value) value { return tuple{values} })
	if !ok {
		return nil
	}
	var out []outcome
	for _, w := range ways {
		args := make([]*ast.Term, len(c.args))
		for i, a := range w.v.(tuple).items {
			g, ok := ground(a)
			if !ok {
				return nil
			}
			args[i] = ast.NewTerm(g)
		}
		for _, o := range c.fold(args) {
			out = append(out, outcome{and(w.when, o.when), o.v})
		}
	}
	return out
}

// fold computes a built-in of constants.
func (c call) fold(args []*ast.Term) (out []outcome) {
	f := topdown.GetBuiltin(c.name)
	if f == nil {
		return c.stop("OPA has no implementation of " + c.name)
	}
	bctx := topdown.BuiltinContext{Context: context.Background(), Time: ast.NumberTerm("0"), Cancel: topdown.NewCancel(),
		Location: c.at.Location, Cache: make(map[any]any), Capabilities: c.m.linked.Compiler.Capabilities()}
	timer := time.AfterFunc(foldTime, bctx.Cancel.Cancel)
	defer timer.Stop()
	defer func() {
		if recover() != nil {
			out = c.stop("OPA's " + c.name + " fails")
		}
	}()
	err := f(bctx, args, func(t *ast.Term) error {
		out = append(out, outcome{always, known{t.Value}})
		return nil
	})
	if topdown.IsCancel(err) {
		return c.stop(c.name + " takes too long")
	}
	if err != nil { // a failing built-in is undefined
		return nil
	}
	return out
}

// foldTime bounds what one built-in of constants may take.
const foldTime = time.Second

// Volatile are the built-ins whose result is not made of their arguments
// alone, and why. OPA's own mark is incomplete.
var Volatile = map[string]string{
	"time.now_ns":            "it reads the clock",
	"rand.intn":              "it is random",
	"uuid.rfc4122":           "it is random",
	"http.send":              "it asks the network",
	"net.lookup_ip_addr":     "it asks the network",
	"opa.runtime":            "it reads what OPA was started with",
	"io.jwt.decode_verify":   "it reads the clock",
	"io.jwt.encode_sign":     "its signature is random",
	"io.jwt.encode_sign_raw": "its signature is random",
	"crypto.x509.parse_and_verify_certificates":              "it reads the clock",
	"crypto.x509.parse_and_verify_certificates_with_options": "it reads the clock",
	"trace": "it writes to the trace",
	"print": "it prints", "internal.print": "it prints",
	"rego.metadata.chain": "it reads annotations", "rego.metadata.rule": "it reads annotations",
}
