package translate

// direction is which of a workload's traffic a chain carries.
type direction string

const (
	inbound  direction = "inbound"
	outbound direction = "outbound"
	gateway  direction = "gateway"
)

// chain is one HTTP filter chain: all of a listener's but its filters.
type chain struct {
	listener  string // also the prefix of its slots' names
	direction direction
	port      uint32 // the workload's; 0 where calls to every port pass
	explicit  bool   // an explicit proxy: CONNECT is answered
	// What patches are matched with: the server names, and whether it ends TLS.
	names []string
	tls   bool
}

// served tells whether requests are served here: policies, limits and
// attributes are those of the workload that is called.
func (c chain) served() bool { return c.direction != outbound }

// reporter is mesh.reporter: who tells of the request.
func (c chain) reporter() string {
	if c.direction == inbound {
		return "destination"
	}
	return "source"
}
