package lower

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// construct is one way to write Rego, and what becomes of it.
type construct struct {
	Name    string
	Example string // of a policy's body, in the package p; x is a header
}

// constructs are tried by a test: the table of docs/lowering.md is what comes
// out.
var constructs = []construct{
	{Name: "equality", Example: `x == "a"`},
	{Name: "inequality", Example: `x != "a"`},
	{Name: "equality of two values of the request", Example: `x == http.headers["x-b"]`},
	{Name: "membership in a list, a set or data", Example: `x in data.list`},
	{Name: "membership in a list of the token", Example: `"a" in payload.c`},
	{Name: "negation", Example: `not x == "a"`},
	{Name: "order of a number with a constant", Example: `payload.c > 18`},
	{Name: "order of texts", Example: `x < "m"`},
	{Name: "a text as a number", Example: `to_number(x) >= 18`},
	{Name: "a part of the path by its place", Example: `input.parsed_path[1] == "b"`},
	{Name: "the path by a pattern", Example: `input.parsed_path = ["a", y, "c"]; y != "b"`},
	{Name: "any part of the path", Example: `"b" in input.parsed_path`},
	{Name: "how many parts a path has", Example: `count(input.parsed_path) == 2`},
	{Name: "a part of the path and a claim", Example: `input.parsed_path = ["users", id]; id == payload.sub`},
	{Name: "equality of two claims", Example: `payload.a == payload.b`},
	{Name: "two values of the request, one in the other", Example: `startswith(http.path, x)`},
	{Name: "query parameters", Example: `input.parsed_query.a[0] == "1"`},
	{Name: "any value of a query parameter", Example: `"1" in input.parsed_query.a`},
	{Name: "a later value of a query parameter", Example: `input.parsed_query.a[1] == "1"`},
	{Name: "the body (`maxBody`)", Example: `input.parsed_body.total < 100`},
	{Name: "a header by its name", Example: `http.headers["x-b"] == "1"`},
	{Name: "a header whose name the request says", Example: `http.headers[x] == "1"`},
	{Name: "all headers", Example: `some name; http.headers[name] == "1"`},
	{Name: "the caller's address", Example: `net.cidr_contains("10.0.0.0/8", input.attributes.source.address.socketAddress.address)`},
	{Name: "ports", Example: `input.attributes.source.address.socketAddress.portValue < 1024`},
	{Name: "the caller's identity", Example: `split(input.attributes.source.principal, "/")[4] == "shop"`},
	{Name: "the server's name (SNI)", Example: `input.attributes.tlsSession.sni == "shop.test"`},
	{Name: "verified claims", Example: `payload.role == "admin"`},
	{Name: "the caller's certificate", Example: `contains(input.attributes.source.certificate, "a")`},
	{Name: "lookups in data by a value of the request", Example: `data.users[x].role == "admin"`},
	{Name: "`some` over data", Example: `some user in data.people; user.name == x`},
	{Name: "`every` over data", Example: `every word in data.list { not startswith(x, word) }`},
	{Name: "`some` over a list of the token", Example: `some role in payload.c; startswith(role, "a")`},
	{Name: "two conditions on one item of a list", Example: `some role in payload.c; startswith(role, "a"); role != "ab"`},
	{Name: "comprehensions over data", Example: `count([w | some w in data.list; startswith(x, w)]) > 0`},
	{Name: "functions", Example: `short(x)`},
	{Name: "complete rules, `default`, `else`", Example: `level == 2`},
	{Name: "sets of denials", Example: `count(deny) == 0`},
	{Name: "partial objects", Example: `table[x] == 2`},
	{Name: "rules of a package, by a name of the request", Example: `data.p.named[x]`},
	{Name: "a whole package as a value", Example: `count(data.p.named) == 1`},
	{Name: "`with`", Example: `short(x) with input.z as 1`},
	{Name: "time windows", Example: `time.now_ns() < 1900000000000000000`},
	{Name: "the clock and the day of the week in UTC", Example: `[hour, _, _] := time.clock(time.now_ns()); hour >= 9; time.weekday(time.now_ns()) != "Sunday"`},
	{Name: "the clock of another time zone", Example: `[hour, _, _] := time.clock([time.now_ns(), "Europe/Paris"]); hour >= 9`},
}

// Table is the middle of docs/lowering.md.
func Table(tried func(construct) (place, why string)) string {
	var b strings.Builder
	b.WriteString("| construct | for example | decided by | why |\n|---|---|---|---|\n")
	for _, c := range constructs {
		place, why := tried(c)
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", c.Name, strings.ReplaceAll(c.Example, "|", `\|`), place, why)
	}
	b.WriteString("\n## Built-ins\n\n")
	b.WriteString("Each built-in of constants and data is computed when the policy is lowered, by OPA's own implementation, but those that say\n\"the daemon\". The table says what becomes of one that is given a value of the request.\n\n")
	b.WriteString("| built-in | decided by | why |\n|---|---|---|\n")
	handled := understood()
	for _, name := range builtinNames() {
		place, why := "the daemon", "it is not understood of values of the request"
		switch {
		case Volatile[name] != "" && handled[name] == nil:
			why = Volatile[name] + "; answers are not kept"
		case name == "time.now_ns":
			place, why = "native", "a proxy has the time at which the request came"
		case handled[name] != nil:
			place, why = "native", "where the other arguments are constants"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, place, why)
	}
	return b.String()
}

// builtinNames are OPA's, sorted.
func builtinNames() []string {
	var out []string
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		if b.Name != "eq" && b.Name != "assign" {
			out = append(out, b.Name)
		}
	}
	slices.Sort(out)
	return out
}
