package verify

import (
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/filters/verify/code"
)

// abis are the versions that Krater takes, by the export that marks them.
// Envoy also takes 0.1.0, whose callbacks are others.
var abis = map[string]string{
	"proxy_abi_version_0_2_0": "0.2.0",
	"proxy_abi_version_0_2_1": "0.2.1",
}

// callbacks are the functions that Envoy calls, with the types it wants.
var callbacks = map[string]string{
	"_initialize":                             ":",
	"_start":                                  ":",
	"main":                                    "ii:i",
	"malloc":                                  "i:i",
	"proxy_on_memory_allocate":                "i:i",
	"proxy_on_vm_start":                       "ii:i",
	"proxy_on_configure":                      "ii:i",
	"proxy_on_tick":                           "i:",
	"proxy_on_context_create":                 "ii:",
	"proxy_on_new_connection":                 "i:i",
	"proxy_on_downstream_data":                "iii:i",
	"proxy_on_upstream_data":                  "iii:i",
	"proxy_on_downstream_connection_close":    "ii:",
	"proxy_on_upstream_connection_close":      "ii:",
	"proxy_on_request_headers":                "iii:i",
	"proxy_on_request_body":                   "iii:i",
	"proxy_on_request_trailers":               "ii:i",
	"proxy_on_request_metadata":               "ii:i",
	"proxy_on_response_headers":               "iii:i",
	"proxy_on_response_body":                  "iii:i",
	"proxy_on_response_trailers":              "ii:i",
	"proxy_on_response_metadata":              "ii:i",
	"proxy_on_foreign_function":               "iii:",
	"proxy_on_http_call_response":             "iiiii:",
	"proxy_on_grpc_receive":                   "iii:",
	"proxy_on_grpc_close":                     "iii:",
	"proxy_on_grpc_receive_initial_metadata":  "iii:",
	"proxy_on_grpc_receive_trailing_metadata": "iii:",
	"proxy_on_queue_ready":                    "ii:",
	"proxy_on_done":                           "i:i",
	"proxy_on_log":                            "i:",
	"proxy_on_delete":                         "i:",
}

// renamed are callbacks and host calls of other ABI versions, with what to use.
var renamed = map[string]string{
	"proxy_continue_request":         "proxy_continue_stream",
	"proxy_continue_response":        "proxy_continue_stream",
	"proxy_resume_http_request":      "proxy_continue_stream",
	"proxy_resume_http_response":     "proxy_continue_stream",
	"proxy_clear_route_cache":        "proxy_call_foreign_function with the name clear_route_cache",
	"proxy_get_configuration":        "proxy_get_buffer_bytes with buffer 7",
	"proxy_validate_configuration":   "proxy_on_configure",
	"proxy_on_http_request_headers":  "proxy_on_request_headers",
	"proxy_on_http_response_headers": "proxy_on_response_headers",
}

// checkInterface compares what the module imports and exports with what Envoy
// gives and calls.
func (r *Report) checkInterface(m *code.Module) {
	exports := map[string]code.Export{}
	for _, e := range m.Exports {
		exports[e.Name] = e
		r.Exports = append(r.Exports, e.Name)
	}
	slices.Sort(r.Exports)
	r.checkABI(exports)
	r.checkImports(m.Imports)
	r.checkExports(exports)
}

func (r *Report) checkABI(exports map[string]code.Export) {
	const fix = "build it with an SDK of ABI 0.2.0 or 0.2.1 (the Go, Rust and C++ SDKs of proxy-wasm, or Krater's own)"
	var have, other []string
	for name, e := range exports {
		if v, known := abis[name]; known && e.Kind == code.Function {
			have = append(have, v)
		} else if v, marks := strings.CutPrefix(name, "proxy_abi_version_"); marks {
			other = append(other, strings.ReplaceAll(v, "_", "."))
		}
	}
	slices.Sort(other)
	switch {
	case len(have) == 1 && len(other) == 0:
		r.ABI = have[0]
	case len(have) == 0 && len(other) == 0:
		r.fail(CheckABI, fix, "the module is no proxy-wasm filter: it exports no proxy_abi_version_0_2_1, nor _0_2_0")
	case len(have) == 0:
		r.fail(CheckABI, fix, "the module speaks ABI %s of proxy-wasm; 0.2.0 and 0.2.1 are taken", strings.Join(other, " and "))
	default:
		r.fail(CheckABI, fix, "the module marks itself with more than one version of the ABI")
	}
}

func (r *Report) checkImports(imports []code.Import) {
	for _, i := range imports {
		r.Imports = append(r.Imports, i.Module+"."+i.Name)
		if i.Kind != code.Function {
			r.fail(CheckImports, "build the module so that it has a "+i.Kind.String()+" of its own, and exports it",
				"it imports a %s, %s.%s, and cannot be verified without it", i.Kind, i.Module, i.Name)
			continue
		}
		want, known := envoyFunction(i.Module, i.Name, r.ABI)
		switch {
		case !known:
			r.fail(CheckImports, importFix(i), "it imports %s.%s, which Envoy does not give", i.Module, i.Name)
		case want != i.Type:
			r.fail(CheckImports, "build it with an SDK of ABI "+r.ABI, "it imports %s.%s as a function %s; Envoy's is %s", i.Module, i.Name, i.Type, want)
		}
	}
	slices.Sort(r.Imports)
}

// importFix says what to do about a function that Envoy has not.
func importFix(i code.Import) string {
	switch {
	case renamed[i.Name] != "":
		return "use " + renamed[i.Name]
	case i.Name == "proxy_get_log_level":
		return "build it for ABI 0.2.1, which has it"
	case strings.HasPrefix(i.Module, "wasi_"):
		return "build it for WASI preview 1, and without what needs more of an operating system"
	case i.Module == "gojs" || i.Module == "go":
		return "build it with GOOS=wasip1, not GOOS=js"
	case strings.HasPrefix(i.Module, "__wbindgen"):
		return "build it without wasm-bindgen: it is for browsers"
	}
	return "take out what needs " + i.Name + ": a filter calls services through proxy_http_call and proxy_grpc_call"
}

func (r *Report) checkExports(exports map[string]code.Export) {
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		e := exports[name]
		if want, known := callbacks[name]; known && (e.Kind != code.Function || e.Type != want) {
			r.fail(CheckExports, "build it with an SDK of ABI 0.2.0 or 0.2.1", "its %s is a %s %s; Envoy calls a function %s", name, e.Kind, e.Type, want)
		}
		if renamed[name] != "" {
			r.add(CheckExports, Warning, "name it "+renamed[name], "it exports %s, which Envoy never calls", name)
		}
	}
	if e, has := exports["memory"]; !has || e.Kind != code.MemoryKind {
		r.fail(CheckExports, "build it with -buildmode=c-shared (Go), or as a cdylib (Rust)", "it exports no memory")
	}
	r.need(exports, "no function that allocates memory", "proxy_on_memory_allocate", "malloc")
	r.need(exports, "no context", "proxy_on_context_create")
	switch r.Type {
	case Network:
		r.need(exports, "no callback of connections", "proxy_on_new_connection", "proxy_on_downstream_data", "proxy_on_upstream_data")
	default:
		r.need(exports, "no callback of requests", "proxy_on_request_headers", "proxy_on_request_body", "proxy_on_request_trailers",
			"proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers", "proxy_on_log")
	}
}

// need is met by any of some exports.
func (r *Report) need(exports map[string]code.Export, without string, names ...string) {
	for _, name := range names {
		if _, has := exports[name]; has {
			return
		}
	}
	r.fail(CheckExports, "export "+strings.Join(names, " or "), "it has %s: it does not export %s", without, strings.Join(names, ", "))
}
