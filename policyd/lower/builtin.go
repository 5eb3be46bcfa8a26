package lower

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// builtins are those that are understood of values of the request.
var builtins = map[string]func(call) []outcome{
	"equal": func(c call) []outcome { return c.comparison("==") },
	"neq":   func(c call) []outcome { return c.comparison("!=") },
	"lt":    func(c call) []outcome { return c.comparison("<") },
	"lte":   func(c call) []outcome { return c.comparison("<=") },
	"gt":    func(c call) []outcome { return c.comparison(">") },
	"gte":   func(c call) []outcome { return c.comparison(">=") },

	"internal.member_2": memberOf,
	"internal.member_3": memberWithKey,
	"count":             countOf,
	"startswith":        startsWith,
	"endswith":          endsWith,
	"contains":          containsText,
	"lower":             func(c call) []outcome { return folded(c, 'l') },
	"upper":             func(c call) []outcome { return folded(c, 'u') },
	"split":             splitText,
	"concat":            concatText,
}

// builtin gives the outcomes of a built-in: of what is known OPA's own.
func (m *machine) builtin(c call) []outcome {
	for _, a := range c.args {
		m.use(a)
	}
	if why := Volatile[c.name]; why != "" {
		m.volatile[c.name] = true
		return c.stop(why)
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
	if f := builtins[c.name]; f != nil {
		return f(c)
	}
	return c.stop(c.name + " of a value of the request")
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
