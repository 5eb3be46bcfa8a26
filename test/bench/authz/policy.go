package main

import (
	"fmt"
	"strings"
)

// The policy of twenty rules, of which the last one matches the load.
const (
	twenty  = 20
	granted = "/bench/20"
	refused = "/bench/21"
)

// byHand writes it as Istio's users do.
func byHand(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: %s}\nspec:\n  selector: {matchLabels: {app: %s}}\n  action: ALLOW\n  rules:\n", name, name)
	for i := 1; i <= twenty; i++ {
		fmt.Fprintf(&b, "  - to: [{operation: {methods: [GET], paths: [\"/bench/%d\"]}}]\n", i)
	}
	return b.String()
}

// module writes it as OPA's users do.
func module() string {
	var b strings.Builder
	b.WriteString("package bench\n\nhttp := input.attributes.request.http\n\ndefault allow := false\n")
	for i := 1; i <= twenty; i++ {
		fmt.Fprintf(&b, "\nallow if {\n\thttp.method == \"GET\"\n\thttp.path == \"/bench/%d\"\n}\n", i)
	}
	return b.String()
}

// regoPolicy declares a module; more are further lines of its spec.
func regoPolicy(name, module string, more ...string) string {
	return fmt.Sprintf("apiVersion: krater.dev/v1alpha1\nkind: RegoPolicy\nmetadata: {name: %s}\nspec:\n  selector: {matchLabels: {app: %s}}\n  query: data.bench.allow\n  %s\n  modules:\n  - name: bench.rego\n    source: |\n%s",
		name, name, strings.Join(more, "\n  "), indented(module))
}

func indented(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ") + "\n"
}
