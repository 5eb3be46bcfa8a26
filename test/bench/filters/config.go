package main

import (
	"fmt"
	"strings"
)

// The built-in filters as they are measured: each looks at every request and
// lets it pass.
var (
	headers    = builtin{"headers", headersConfig}
	denier     = builtin{"denier", `{"rules":[{"name":"admin","match":{"pathPrefix":"/admin"}},{"name":"bots","match":{"headers":{"user-agent":"bot"}}}]}`}
	accesslist = builtin{"accesslist", accessListConfig()}
	attributes = builtin{"attributes", `{"attributes":[{"name":"user","from":{"header":"end-user"}},{"name":"lang","from":{"query":"lang"}}]}`}
)

const headersConfig = `{"response":{"set":{"x-krater-mixed":"wasm"}}}`

type builtin struct{ root, config string }

// fused is the configuration of several built-in filters in one.
func fused(list ...builtin) string {
	var parts []string
	for _, b := range list {
		parts = append(parts, fmt.Sprintf(`{"root":%q,"config":%s}`, b.root, b.config))
	}
	return `{"filters":[` + strings.Join(parts, ",") + `]}`
}

// accessListConfig refuses a thousand users, none of whom calls.
func accessListConfig() string {
	var users []string
	for i := range 1000 {
		users = append(users, fmt.Sprintf("user-%d", i))
	}
	return fmt.Sprintf(`{"lists":[{"name":"users","action":"DENY","key":{"header":"end-user"},"kind":"EXACT","entries":%q}]}`, strings.Join(users, "\n"))
}
