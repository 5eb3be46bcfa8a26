package sdk

// NetworkFilter is one configured filter of TCP connections. It needs
// guest/network in the module's main.
type NetworkFilter interface {
	// OnConnection sees a new connection before any data.
	OnConnection(Conn) Verdict
	// OnDownstreamData sees what the client sent.
	OnDownstreamData(c Conn, end bool) Verdict
	// OnUpstreamData sees what the upstream sent.
	OnUpstreamData(c Conn, end bool) Verdict
	// OnClose is called once for each side that goes away.
	OnClose(c Conn, side Peer)
	// OnDone is the end of it all.
	OnDone(Conn)
}

// NetworkBase does nothing. Embed it and write only the methods you need.
type NetworkBase struct{}

var _ NetworkFilter = NetworkBase{}

// OnConnection implements NetworkFilter.
func (NetworkBase) OnConnection(Conn) Verdict { return Continue }

// OnDownstreamData implements NetworkFilter.
func (NetworkBase) OnDownstreamData(Conn, bool) Verdict { return Continue }

// OnUpstreamData implements NetworkFilter.
func (NetworkBase) OnUpstreamData(Conn, bool) Verdict { return Continue }

// OnClose implements NetworkFilter.
func (NetworkBase) OnClose(Conn, Peer) {}

// OnDone implements NetworkFilter.
func (NetworkBase) OnDone(Conn) {}

// Conn is one connection. Stop closes it, without a reply.
type Conn interface {
	Context
	// Downstream is the data of OnDownstreamData, and Upstream that of
	// OnUpstreamData: what came and was not let through yet.
	Downstream() Body
	Upstream() Body
	// ResumeDownstream lets paused data go on to the upstream, and
	// ResumeUpstream to the client.
	ResumeDownstream()
	ResumeUpstream()
	// Close ends the connection.
	Close()
}

// Peer is a side of a connection.
type Peer uint8

// The sides of a connection.
const (
	Downstream Peer = iota
	Upstream
)
