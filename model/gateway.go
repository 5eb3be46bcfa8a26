package model

// Gateway opens ports on the gateway workloads that it selects.
type Gateway struct {
	Object   Ref             `json:"object"`
	Selector Selector        `json:"selector"`
	Servers  []GatewayServer `json:"servers"`
}

// GatewayServer is one port with the hosts it takes.
type GatewayServer struct {
	Name     string   `json:"name,omitempty"`
	Port     uint32   `json:"port"`
	Protocol Protocol `json:"protocol"`
	Hosts    []string `json:"hosts"` // without a namespace; "*" is any
	// Namespaces, beside each host: where its routes may come from; "" is any.
	Namespaces    []string `json:"namespaces"`
	HTTPSRedirect bool     `json:"httpsRedirect,omitempty"`
}
