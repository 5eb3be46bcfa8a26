package policycases_test

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// constructs are what proxies decide, each with a policy of `lower: Require`
// that holds some of its words, and is sent requests with both outcomes.
var constructs = []struct{ name, file, words string }{
	{"equality", "equality/header.yaml", "=="},
	{"set membership", "membership/sets.yaml", " in {"},
	{"membership in data", "membership/sets.yaml", "in data."},
	{"startswith", "strings/prefix.yaml", "startswith("},
	{"endswith", "strings/suffix_contains.yaml", "endswith("},
	{"contains", "strings/suffix_contains.yaml", "contains("},
	{"glob", "patterns/glob.yaml", "glob.match("},
	{"regex: a search", "patterns/regex.yaml", "regex.match("},
	{"regex: a full match", "patterns/regex.yaml", `^`},
	{"CIDR", "networks/cidr.yaml", "net.cidr_contains("},
	{"comparison of a port", "comparisons/ports.yaml", "port <= "},
	{"comparison of a claim", "claims/numbers.yaml", ">= 18"},
	{"path segments", "segments/indexes.yaml", "input.parsed_path["},
	{"duplicate headers", "headers/joined.yaml", "headers["},
	{"the case of headers", "headers/case.yaml", "headers["},
	{"absent headers", "headers/presence.yaml", "not "},
	{"methods", "methods/methods.yaml", ".method"},
	{"ports", "comparisons/ports.yaml", "portValue"},
	{"SNI", "tls/sni.yaml", ".sni"},
	{"source principals", "principals/principals.yaml", "source.principal"},
	{"namespaces", "principals/namespaces.yaml", "source.principal"},
	{"verified claims", "claims/texts.yaml", "payload"},
	{"negation", "negation/negation.yaml", "not "},
	{"default rules", "defaults/defaults.yaml", "default "},
	{"else", "else/order.yaml", "else"},
	{"deny sets: count(deny) == 0", "denysets/count.yaml", "count(deny) == 0"},
	{"deny sets: not deny", "denysets/not_deny.yaml", "not deny"},
	{"some over data", "iteration/some.yaml", "some "},
	{"every over data", "iteration/every.yaml", "every "},
	{"functions", "functions/functions.yaml", ") if"},
	{"partial rules", "partial/objects.yaml", "["},
	{"time windows", "time/windows.yaml", "time.now_ns()"},
	{"keys of data", "data/keys.yaml", "data.tenants[claims.level]"},
	{"two values of a request", "equality/two_native.yaml", "id == claims.user"},
	{"query parameters", "queries/native.yaml", "input.parsed_query."},
	{"trees of exact values", "trees/exact.yaml", "=="},
	{"trees of prefixes", "trees/prefixes.yaml", "startswith("},
	{"trees of addresses", "trees/addresses.yaml", "net.cidr_contains("},
}

// TestEachConstructIsRequired: nothing of the list is lowered by accident.
func TestEachConstructIsRequired(t *testing.T) {
	suites, err := loadAll()
	if err != nil {
		t.Fatal(err)
	}
	byFile := map[string]suite{}
	for _, s := range suites {
		byFile[s.File] = s
	}
	for _, c := range constructs {
		s, ok := byFile[c.file]
		if !ok {
			t.Errorf("%s: no file %s", c.name, c.file)
			continue
		}
		var source strings.Builder
		for _, m := range s.Policy.Modules {
			source.WriteString(m.Source)
		}
		if s.Policy.Lower != model.LowerRequire || !strings.Contains(source.String(), c.words) {
			t.Errorf("%s: %s does not require to be lowered, or has no %q", c.name, c.file, c.words)
		}
		outcomes := map[bool]int{}
		for _, one := range s.Cases {
			if one.Asks == "" && one.NotThroughEnvoy == "" {
				outcomes[one.Want.Allowed]++
			}
		}
		if outcomes[true] == 0 || outcomes[false] == 0 {
			t.Errorf("%s: %s decides natively %v", c.name, c.file, outcomes)
		}
	}
}
