package model

// DestinationPolicy is a DestinationRule: how a host is called, and its subsets.
type DestinationPolicy struct {
	Object   Ref           `json:"object"`
	Host     string        `json:"host"` // full, or "*.suffix"
	ExportTo []string      `json:"exportTo,omitempty"`
	Policy   TrafficPolicy `json:"policy,omitzero"`
	Subsets  []Subset      `json:"subsets,omitempty"`
}

// Subset is the part of a service's endpoints that have the labels.
type Subset struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Policy *TrafficPolicy    `json:"policy,omitempty"` // each field given replaces the host's
}

// TrafficPolicy is how connections are made and spread.
type TrafficPolicy struct {
	LoadBalancer     *LoadBalancer     `json:"loadBalancer,omitempty"`
	ConnectionPool   *ConnectionPool   `json:"connectionPool,omitempty"`
	OutlierDetection *OutlierDetection `json:"outlierDetection,omitempty"`
}

// Merge gives p with the fields of o, where o has them.
func (p TrafficPolicy) Merge(o *TrafficPolicy) TrafficPolicy {
	if o == nil {
		return p
	}
	if o.LoadBalancer != nil {
		p.LoadBalancer = o.LoadBalancer
	}
	if o.ConnectionPool != nil {
		p.ConnectionPool = o.ConnectionPool
	}
	if o.OutlierDetection != nil {
		p.OutlierDetection = o.OutlierDetection
	}
	return p
}

// Balance is a load balancing policy.
type Balance string

const (
	LeastRequest Balance = "LEAST_REQUEST"
	RoundRobin   Balance = "ROUND_ROBIN"
	Random       Balance = "RANDOM"
	Passthrough  Balance = "PASSTHROUGH"
	RingHash     Balance = "RING_HASH"
	Maglev       Balance = "MAGLEV"
)

// LoadBalancer chooses the endpoint.
type LoadBalancer struct {
	Balance         Balance `json:"balance"`
	HashOn          *HashOn `json:"hashOn,omitempty"` // RingHash and Maglev
	MinimumRingSize uint64  `json:"minimumRingSize,omitempty"`
	TableSize       uint64  `json:"tableSize,omitempty"`
}

// HashOn is what consistent hashing hashes: one of its fields is set.
type HashOn struct {
	Header   string      `json:"header,omitempty"`
	Cookie   *HashCookie `json:"cookie,omitempty"`
	Query    string      `json:"query,omitempty"`
	SourceIP bool        `json:"sourceIP,omitempty"`
}

// HashCookie is made by the proxy where TTL is given and the client has none.
type HashCookie struct {
	Name string    `json:"name"`
	Path string    `json:"path,omitempty"`
	TTL  *Duration `json:"ttl,omitempty"`
}

// ConnectionPool bounds what one proxy sends to one cluster. Zero is no bound.
type ConnectionPool struct {
	MaxConnections           uint32        `json:"maxConnections,omitempty"`
	ConnectTimeout           *Duration     `json:"connectTimeout,omitempty"` // absent: 10 s
	TCPIdleTimeout           *Duration     `json:"tcpIdleTimeout,omitempty"`
	MaxConnectionDuration    *Duration     `json:"maxConnectionDuration,omitempty"`
	Keepalive                *TCPKeepalive `json:"keepalive,omitempty"`
	MaxPendingRequests       uint32        `json:"maxPendingRequests,omitempty"`
	MaxRequests              uint32        `json:"maxRequests,omitempty"`
	MaxRequestsPerConnection uint32        `json:"maxRequestsPerConnection,omitempty"`
	MaxRetries               uint32        `json:"maxRetries,omitempty"`
	MaxConcurrentStreams     uint32        `json:"maxConcurrentStreams,omitempty"`
	HTTPIdleTimeout          *Duration     `json:"httpIdleTimeout,omitempty"`
	UpgradeToHTTP2           bool          `json:"upgradeToHTTP2,omitempty"`
	UseClientProtocol        bool          `json:"useClientProtocol,omitempty"`
}

// TCPKeepalive probes idle connections.
type TCPKeepalive struct {
	Probes   uint32    `json:"probes,omitempty"`
	Time     *Duration `json:"time,omitempty"`
	Interval *Duration `json:"interval,omitempty"`
}

// OutlierDetection takes endpoints that fail out of the pool for a while. A
// nil count is off; absent times and shares are Envoy's defaults.
type OutlierDetection struct {
	Consecutive5xx        *uint32   `json:"consecutive5xx,omitempty"`
	ConsecutiveGateway    *uint32   `json:"consecutiveGateway,omitempty"`
	ConsecutiveLocal      *uint32   `json:"consecutiveLocal,omitempty"`
	SplitExternalAndLocal bool      `json:"splitExternalAndLocal,omitempty"`
	Interval              *Duration `json:"interval,omitempty"`
	BaseEjectionTime      *Duration `json:"baseEjectionTime,omitempty"`
	MaxEjectionPercent    uint32    `json:"maxEjectionPercent,omitempty"`
	MinHealthPercent      uint32    `json:"minHealthPercent,omitempty"`
}
