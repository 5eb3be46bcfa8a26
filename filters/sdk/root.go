package sdk

// Root is a kind of filter that a module offers. It has New or NewNetwork.
type Root struct {
	// ID is the root_id that a binding names. The only root of a module may
	// leave it empty: then it answers to every root_id.
	ID string
	// New reads a binding's configuration. An error refuses the binding; its
	// text, one field path a line, goes to the proxy's log. The Host is the
	// binding's, and stays valid.
	New func(h Host, config []byte) (Filter, error)
	// NewNetwork does so for a filter of connections.
	NewNetwork func(h Host, config []byte) (NetworkFilter, error)
}
