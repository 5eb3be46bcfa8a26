package model

import (
	"strconv"
	"strings"
)

// DefaultFilterMemory is what a filter's VM may take where nothing else is said.
const DefaultFilterMemory = 256 << 20

// VMID names the VM of a Wasm filter: filters whose VM has the same name, code
// and variables share it. What the VM may take is part of its name, for the
// agent, which reads the proxy's configuration and nothing else.
func VMID(module, env string, memory int64) string {
	out := module
	if env != "" {
		out += "/" + env
	}
	if memory > 0 && memory != DefaultFilterMemory {
		out += vmMemory + strconv.FormatInt(memory, 10)
	}
	return out
}

const vmMemory, vmGeneration = "/memory=", "/generation="

// VMMemory is what a VM of this name may take.
func VMMemory(id string) int64 {
	_, text, _ := strings.Cut(id, vmMemory)
	text, _, _ = strings.Cut(text, "/")
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return n
	}
	return DefaultFilterMemory
}

// VMGeneration names the nth VM after the first of a name: an agent starts a
// filter again by it.
func VMGeneration(id string, n int) string {
	if n == 0 {
		return id
	}
	return id + vmGeneration + strconv.Itoa(n)
}

// WasmName is the name by which Envoy knows a Wasm filter that runs for some
// objects: in its log, its stats, and for the agent.
func WasmName(objects ...Ref) string {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.String()
	}
	return strings.Join(names, ", ")
}

// WasmObjects are the objects of a Wasm filter's name, as "Kind namespace/name".
// A "#N" at its end tells one of several instances from the others.
func WasmObjects(name string) []string {
	if i := strings.LastIndexByte(name, '#'); i >= 0 {
		name = name[:i]
	}
	return strings.Split(name, ", ")
}
