package verify

// hostCall is one of Envoy's functions: its type, and what it does here.
type hostCall struct {
	in string // i: 32 bits, I: 64; each gives an i32
	do func(*host, *call) uint32
}

// The answers of host calls, in proxy-wasm's numbers.
const (
	ok            uint32 = 0
	notFound      uint32 = 1
	badArgument   uint32 = 2
	badMemory     uint32 = 6
	empty         uint32 = 7
	casMismatch   uint32 = 8
	internal      uint32 = 10
	unimplemented uint32 = 12
)

// hostCalls are the functions that Envoy 1.40 gives a module of ABI 0.2.1,
// with the types that it tells of where they differ. test/envoy asks it.
var hostCalls = map[string]hostCall{
	"proxy_log":                          {"iii", (*host).log},
	"proxy_get_log_level":                {"i", (*host).logLevel},
	"proxy_get_current_time_nanoseconds": {"i", (*host).now},
	"proxy_set_tick_period_milliseconds": {"i", (*host).tickEvery},
	"proxy_get_header_map_value":         {"iiiii", (*host).headerValue},
	"proxy_get_header_map_pairs":         {"iii", (*host).headerPairs},
	"proxy_get_header_map_size":          {"ii", (*host).headerSize},
	"proxy_set_header_map_pairs":         {"iii", (*host).setHeaders},
	"proxy_add_header_map_value":         {"iiiii", (*host).addHeader},
	"proxy_replace_header_map_value":     {"iiiii", (*host).replaceHeader},
	"proxy_remove_header_map_value":      {"iii", (*host).removeHeader},
	"proxy_get_buffer_bytes":             {"iiiii", (*host).bufferBytes},
	"proxy_get_buffer_status":            {"iii", (*host).bufferStatus},
	"proxy_set_buffer_bytes":             {"iiiii", (*host).setBuffer},
	"proxy_get_property":                 {"iiii", (*host).property},
	"proxy_set_property":                 {"iiii", (*host).setProperty},
	"proxy_send_local_response":          {"iiiiiiii", (*host).localResponse},
	"proxy_continue_stream":              {"i", (*host).goOn},
	"proxy_close_stream":                 {"i", (*host).goOn},
	"proxy_done":                         {"", (*host).goOn},
	"proxy_set_effective_context":        {"i", (*host).goOn},
	"proxy_http_call":                    {"iiiiiiiiii", (*host).httpCall},
	"proxy_grpc_call":                    {"iiiiiiiiiiii", (*host).grpcCall},
	"proxy_grpc_stream":                  {"iiiiiiiii", (*host).grpcStream},
	"proxy_grpc_send":                    {"iiii", (*host).goOn},
	"proxy_grpc_cancel":                  {"i", (*host).goOn},
	"proxy_grpc_close":                   {"i", (*host).goOn},
	"proxy_get_status":                   {"iii", (*host).callStatus},
	"proxy_call_foreign_function":        {"iiiiii", (*host).foreign},
	"proxy_get_shared_data":              {"iiiii", (*host).shared},
	"proxy_set_shared_data":              {"iiiii", (*host).setShared},
	"proxy_register_shared_queue":        {"iii", (*host).registerQueue},
	"proxy_resolve_shared_queue":         {"iiiii", (*host).resolveQueue},
	"proxy_dequeue_shared_queue":         {"iii", (*host).dequeue},
	"proxy_enqueue_shared_queue":         {"iii", (*host).enqueue},
	"proxy_define_metric":                {"iiii", (*host).defineMetric},
	"proxy_increment_metric":             {"iI", (*host).addMetric},
	"proxy_record_metric":                {"iI", (*host).setMetric},
	"proxy_get_metric":                   {"ii", (*host).metric},
}

// wasiCalls are the functions of WASI preview 1 that Envoy gives. A filter has
// no files and no network: most only say so, each with the number that Envoy's
// says it with.
var wasiCalls = map[string]hostCall{
	"fd_write":                {"iiii", (*host).write},
	"fd_fdstat_get":           {"ii", (*host).fileStatus},
	"environ_get":             {"ii", (*host).environ},
	"environ_sizes_get":       {"ii", (*host).environSizes},
	"args_get":                {"ii", answer(0)},
	"args_sizes_get":          {"ii", (*host).argsSizes},
	"clock_time_get":          {"iIi", (*host).clock},
	"clock_res_get":           {"ii", (*host).clockStep},
	"random_get":              {"ii", (*host).random},
	"proc_exit":               {"i", answer(0)}, // gives nothing, and ends nothing
	"fd_close":                {"i", answer(0)},
	"fd_seek":                 {"iIii", answer(0)},
	"sched_yield":             {"", answer(0)},
	"poll_oneoff":             {"iiii", answer(0)},
	"path_open":               {"iiiiiIIii", answer(44)},
	"fd_prestat_get":          {"ii", answer(8)},
	"fd_prestat_dir_name":     {"iii", answer(52)},
	"fd_read":                 {"iiii", answer(52)},
	"fd_pread":                {"iiiIi", answer(52)},
	"fd_pwrite":               {"iiiIi", answer(8)},
	"fd_readdir":              {"iiiIi", answer(16)},
	"fd_fdstat_set_flags":     {"ii", answer(52)},
	"fd_fdstat_set_rights":    {"iII", answer(8)},
	"fd_filestat_get":         {"ii", answer(8)},
	"fd_filestat_set_size":    {"iI", answer(8)},
	"fd_filestat_set_times":   {"iIIi", answer(8)},
	"fd_advise":               {"iIIi", answer(8)},
	"fd_allocate":             {"iII", answer(8)},
	"fd_datasync":             {"i", answer(8)},
	"fd_renumber":             {"ii", answer(8)},
	"fd_sync":                 {"i", answer(8)},
	"fd_tell":                 {"ii", answer(8)},
	"path_create_directory":   {"iii", answer(58)},
	"path_filestat_get":       {"iiiii", answer(58)},
	"path_filestat_set_times": {"iiiiIIi", answer(58)},
	"path_link":               {"iiiiii", answer(58)},
	"path_readlink":           {"iiiiii", answer(54)},
	"path_remove_directory":   {"iii", answer(58)},
	"path_rename":             {"iiiiii", answer(58)},
	"path_symlink":            {"iiii", answer(58)},
	"path_unlink_file":        {"iii", answer(58)},
	"sock_accept":             {"iii", answer(50)},
	"sock_recv":               {"iiiiii", answer(54)},
	"sock_send":               {"iiiii", answer(54)},
	"sock_shutdown":           {"ii", answer(58)},
}

// otherCalls are what compilers to Wasm want beside those.
var otherCalls = map[string]hostCall{
	"emscripten_notify_memory_growth": {"i", answer(0)}, // gives nothing
	"pthread_equal":                   {"ii", (*host).equal},
}

// modules are the names by which a guest imports the functions.
var modules = map[string][]map[string]hostCall{
	"env":                    {hostCalls, otherCalls},
	"wasi_snapshot_preview1": {wasiCalls},
	"wasi_unstable":          {wasiCalls},
}

// results is what a function gives: an i32, but for two of them.
func results(name string) string {
	if name == "proc_exit" || name == "emscripten_notify_memory_growth" {
		return ""
	}
	return "i"
}

// envoyFunction is the type of one of Envoy's functions.
func envoyFunction(module, name, abi string) (signature string, known bool) {
	if name == "proxy_get_log_level" && abi != "0.2.1" {
		return "", false
	}
	for _, table := range modules[module] {
		if c, has := table[name]; has {
			return c.in + ":" + results(name), true
		}
	}
	return "", false
}

// Imports are all functions that Envoy gives a module of ABI 0.2.1, as
// MODULE.NAME, with their types.
func Imports() map[string]string {
	all := map[string]string{}
	for module, tables := range modules {
		for _, table := range tables {
			for name, c := range table {
				all[module+"."+name] = c.in + ":" + results(name)
			}
		}
	}
	return all
}

// Callbacks are all functions of a module that Envoy calls, with their types.
func Callbacks() map[string]string {
	all := map[string]string{}
	for name, signature := range callbacks {
		all[name] = signature
	}
	return all
}
