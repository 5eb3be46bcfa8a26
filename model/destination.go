package model

// DestinationPolicy is a DestinationRule: how a host is called, and its subsets.
type DestinationPolicy struct {
	Object   Ref           `json:"object"`
	Host     string        `json:"host"` // full, or "*.suffix"
	ExportTo []string      `json:"exportTo,omitempty"`
	Selector *Selector     `json:"selector,omitempty"` // the callers it is for; nil: all
	Merged   []Ref         `json:"merged,omitempty"`   // younger ones for the same host that became part of it
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
	TLS              *ClientTLS        `json:"tls,omitempty"`
	Tunnel           *Tunnel           `json:"tunnel,omitempty"`
	ProxyProtocol    string            `json:"proxyProtocol,omitempty"` // "V1" or "V2"
	RetryBudget      *RetryBudget      `json:"retryBudget,omitempty"`
	// Ports replace the fields above, for one port: what a port's policy does
	// not give is the default, not the destination's.
	Ports []PortPolicy `json:"ports,omitempty"`
}

// PolicyFor is how one port of a subset is called; "" is the whole service. A
// subset's field replaces the destination's, and what is given for a port
// replaces load balancer, pool, outlier detection and TLS altogether: what the
// port does not give is the default.
func (d *DestinationPolicy) PolicyFor(subset string, port uint32) TrafficPolicy {
	if d == nil {
		return TrafficPolicy{}
	}
	out := d.Policy.forPort(d.Policy.Ports, port)
	for _, s := range d.Subsets {
		if s.Name == subset && s.Policy != nil {
			out = out.Merge(s.Policy).forPort(s.Policy.Ports, port)
		}
	}
	out.Ports = nil
	return out
}

func (p TrafficPolicy) forPort(ports []PortPolicy, port uint32) TrafficPolicy {
	for _, o := range ports {
		if o.Port == port {
			p.LoadBalancer, p.ConnectionPool = o.Policy.LoadBalancer, o.Policy.ConnectionPool
			p.OutlierDetection, p.TLS = o.Policy.OutlierDetection, o.Policy.TLS
			break
		}
	}
	return p
}

// PortPolicy is the policy of one port. Tunnel, ProxyProtocol, RetryBudget and
// Ports of it are not used.
type PortPolicy struct {
	Port   uint32        `json:"port"`
	Policy TrafficPolicy `json:"policy"`
}

// ClientTLS is how connections to a destination are encrypted.
type ClientTLS struct {
	Mode TLSMode `json:"mode"` // TLSDisable, TLSSimple, TLSMutual or TLSIstioMutual
	// Files, where Credential is empty. CACertificates empty: the system's.
	Certificate        string   `json:"certificate,omitempty"`
	PrivateKey         string   `json:"privateKey,omitempty"`
	CACertificates     string   `json:"caCertificates,omitempty"`
	CRL                string   `json:"crl,omitempty"`
	Credential         string   `json:"credential,omitempty"` // a Secret's name, in the client's namespace
	SubjectAltNames    []string `json:"subjectAltNames,omitempty"`
	SNI                string   `json:"sni,omitempty"`
	InsecureSkipVerify bool     `json:"insecureSkipVerify,omitempty"`
}

// Tunnel puts connections into an HTTP request to the destination.
type Tunnel struct {
	POST bool   `json:"post,omitempty"` // else CONNECT
	Host string `json:"host"`
	Port uint32 `json:"port"`
}

// RetryBudget bounds retries by the requests under way.
type RetryBudget struct {
	Percent        float64   `json:"percent"` // of active and pending requests
	MinConcurrency uint32    `json:"minConcurrency"`
	Interval       *Duration `json:"interval,omitempty"`
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
	if o.TLS != nil {
		p.TLS = o.TLS
	}
	if o.Tunnel != nil {
		p.Tunnel = o.Tunnel
	}
	if o.ProxyProtocol != "" {
		p.ProxyProtocol = o.ProxyProtocol
	}
	if o.RetryBudget != nil {
		p.RetryBudget = o.RetryBudget
	}
	if len(o.Ports) > 0 {
		p.Ports = o.Ports
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
	Balance         Balance      `json:"balance"`
	HashOn          *HashOn      `json:"hashOn,omitempty"` // RingHash and Maglev
	MinimumRingSize uint64       `json:"minimumRingSize,omitempty"`
	TableSize       uint64       `json:"tableSize,omitempty"`
	Locality        *LocalityLB  `json:"locality,omitempty"`
	ZoneAware       *ZoneAwareLB `json:"zoneAware,omitempty"`
	Warmup          *Warmup      `json:"warmup,omitempty"`
}

// LocalityLB prefers endpoints by place. Localities are "region/zone/subzone",
// shorter ones and "*" cover what is under them.
type LocalityLB struct {
	Enabled    *bool              `json:"enabled,omitempty"` // nil: the mesh's setting
	Distribute []LocalityShare    `json:"distribute,omitempty"`
	Failover   []LocalityFailover `json:"failover,omitempty"`
	// FailoverPriority are labels, "key" or "key=value": endpoints that share
	// more of them, from the first on, come first.
	FailoverPriority []string `json:"failoverPriority,omitempty"`
}

// LocalityShare spreads the calls from one place.
type LocalityShare struct {
	From string            `json:"from"`
	To   map[string]uint32 `json:"to"` // percent
}

// LocalityFailover says which region follows another.
type LocalityFailover struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// ZoneAwareLB is Envoy's zone aware routing.
type ZoneAwareLB struct {
	Enabled          *bool              `json:"enabled,omitempty"`
	Failover         []LocalityFailover `json:"failover,omitempty"`
	FailoverPriority []string           `json:"failoverPriority,omitempty"`
	MinClusterSize   *uint32            `json:"minClusterSize,omitempty"`
}

// Warmup lets a new endpoint's share grow.
type Warmup struct {
	Duration       Duration `json:"duration"`
	MinimumPercent float64  `json:"minimumPercent,omitempty"` // 0: Envoy's 10
	Aggression     float64  `json:"aggression,omitempty"`     // 0: 1, linear
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
	// Attributes of the made cookie, in order; an empty value is a bare name.
	Attributes []CookieAttribute `json:"attributes,omitempty"`
}

// CookieAttribute is one word of a Set-Cookie.
type CookieAttribute struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
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
	// StayHTTP1 keeps a mesh-wide upgrade away (DO_NOT_UPGRADE).
	StayHTTP1      bool            `json:"stayHTTP1,omitempty"`
	HTTP2Keepalive *HTTP2Keepalive `json:"http2Keepalive,omitempty"`
}

// HTTP2Keepalive pings idle connections.
type HTTP2Keepalive struct {
	Interval *Duration `json:"interval,omitempty"`
	Timeout  *Duration `json:"timeout,omitempty"`
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
	ErrorCodes            []uint32  `json:"errorCodes,omitempty"` // statuses that count as errors; none: 5xx
}
