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
	mtls      bool   // the caller showed a certificate of the mesh
	verified  bool   // a gateway's client showed a certificate of its authorities
	sealed    bool   // of a port of requests: TLS of the application's own
	// What patches are matched with: the server names, and whether it ends TLS.
	names []string
	tls   bool
}

// served tells whether requests are served here: policies, limits and
// attributes are those of the workload that is called.
func (c chain) served() bool { return c.direction != outbound }

// manager is the name of the slot of its connection manager. The chains of a
// port share all slots but this one: what a manager believes of its caller
// depends on whether the caller showed a certificate.
func (c chain) manager() string {
	if c.mtls {
		return slotName(c.listener, "http-mtls")
	}
	return slotName(c.listener, "http")
}

// reporter is mesh.reporter: who tells of the request.
func (c chain) reporter() string {
	if c.direction == inbound {
		return "destination"
	}
	return "source"
}
