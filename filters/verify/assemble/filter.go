package assemble

// Instructions, as far as the tests' modules need them.
const (
	Unreachable = 0x00
	Loop        = 0x03
	End         = 0x0b
	Br          = 0x0c
	Call        = 0x10
	Drop        = 0x1a
	Const       = 0x41
	MemoryGrow  = 0x40
	Empty       = 0x40 // type of a block that gives nothing
)

// The functions of Filter, by their place among its own.
const (
	Marker = iota
	Initialize
	Allocate
	Created
	VMStart
	Configure
	RequestHeaders
)

// Filter is the smallest HTTP filter: it lets everything through, and
// allocates from one place on, again and again.
func Filter() Module {
	yes := []byte{Const, 1}
	return Module{
		Memories: []Limits{{Min: 1}},
		Exports:  []Export{{Name: "memory", Kind: 2}},
		Funcs: []Func{
			{Export: "proxy_abi_version_0_2_1", Type: ":"},
			{Export: "_initialize", Type: ":"},
			{Export: "proxy_on_memory_allocate", Type: "i:i", Body: append([]byte{Const}, I32(1024)...)},
			{Export: "proxy_on_context_create", Type: "ii:"},
			{Export: "proxy_on_vm_start", Type: "ii:i", Body: yes},
			{Export: "proxy_on_configure", Type: "ii:i", Body: yes},
			{Export: "proxy_on_request_headers", Type: "iii:i", Body: []byte{Const, 0}},
		},
	}
}
