package model

// MeshGateway is the reserved gateway name for all sidecars.
const MeshGateway = "mesh"

// RouteTable is a VirtualService, resolved: full host names, gateways as
// "namespace/name" or MeshGateway, no delegates left.
type RouteTable struct {
	Object   Ref         `json:"object"`
	Hosts    []string    `json:"hosts"`
	Gateways []string    `json:"gateways"`
	ExportTo []string    `json:"exportTo,omitempty"`
	HTTP     []HTTPRoute `json:"http,omitempty"`
	TLS      []L4Route   `json:"tls,omitempty"` // by server name, not decrypted
	TCP      []L4Route   `json:"tcp,omitempty"`
}

// HTTPRoute is one rule; the first that matches wins.
type HTTPRoute struct {
	Name         string          `json:"name"`              // unique within the table
	From         *Ref            `json:"from,omitempty"`    // the delegate that declares it; nil: the table itself
	Matches      []HTTPMatch     `json:"matches,omitempty"` // any of them; none: everything
	Destinations []Destination   `json:"destinations,omitempty"`
	Redirect     *Redirect       `json:"redirect,omitempty"`
	Direct       *DirectResponse `json:"directResponse,omitempty"`
	Rewrite      *Rewrite        `json:"rewrite,omitempty"`
	Timeout      *Duration       `json:"timeout,omitempty"` // absent: none
	Retries      *Retries        `json:"retries,omitempty"` // absent: the mesh's default
	Fault        *Fault          `json:"fault,omitempty"`
	Headers      HeaderChanges   `json:"headers,omitzero"`
	Mirrors      []Mirror        `json:"mirrors,omitempty"`
	CORS         *CORSPolicy     `json:"cors,omitempty"`
}

// HTTPMatch is a condition on a request: all of its parts hold.
type HTTPMatch struct {
	Name            string            `json:"name,omitempty"`
	Path            *StringMatch      `json:"path,omitempty"` // without the query
	Method          *StringMatch      `json:"method,omitempty"`
	Scheme          *StringMatch      `json:"scheme,omitempty"`
	Authority       *StringMatch      `json:"authority,omitempty"`
	Headers         []HeaderMatch     `json:"headers,omitempty"`
	Query           []QueryMatch      `json:"query,omitempty"`
	Port            uint32            `json:"port,omitempty"`
	SourceLabels    map[string]string `json:"sourceLabels,omitempty"`
	SourceNamespace string            `json:"sourceNamespace,omitempty"`
	Gateways        []string          `json:"gateways,omitempty"`
	Claims          []ClaimMatch      `json:"claims,omitempty"` // of a verified JWT; gateways only
	StatPrefix      string            `json:"statPrefix,omitempty"`
}

// ClaimMatch compares a claim of the verified token. A claim that is a list
// matches if one of its items does.
type ClaimMatch struct {
	Path  []string    `json:"path"` // nested claims, outermost first
	Match StringMatch `json:"match"`
	Not   bool        `json:"not,omitempty"`
}

// L4Route is a rule for connections; the first that matches wins.
type L4Route struct {
	Name         string        `json:"name"` // unique within the table: "tcp[0]", "tls[1]"
	Matches      []L4Match     `json:"matches,omitempty"`
	Destinations []Destination `json:"destinations"` // without header changes
}

// L4Match is a condition on a connection: all of its parts hold.
type L4Match struct {
	SNI             []string          `json:"sni,omitempty"`     // any of them; TLS routes only, never empty there
	Subnets         []string          `json:"subnets,omitempty"` // of the address that was called, CIDR or IP
	Port            uint32            `json:"port,omitempty"`
	SourceSubnet    string            `json:"sourceSubnet,omitempty"` // CIDR or IP of the caller
	SourceLabels    map[string]string `json:"sourceLabels,omitempty"`
	SourceNamespace string            `json:"sourceNamespace,omitempty"`
	Gateways        []string          `json:"gateways,omitempty"`
}

// Mirror sends copies of a share of the requests elsewhere; answers are dropped.
type Mirror struct {
	Destination Destination `json:"destination"` // weight and headers are not used
	Percent     float64     `json:"percent"`     // 0 to 100
}

// CORSPolicy answers preflights and marks answers. Absent parts are Envoy's
// defaults: the header is not sent.
type CORSPolicy struct {
	AllowOrigins     []StringMatch `json:"allowOrigins,omitempty"`
	AllowMethods     []string      `json:"allowMethods,omitempty"`
	AllowHeaders     []string      `json:"allowHeaders,omitempty"`
	ExposeHeaders    []string      `json:"exposeHeaders,omitempty"`
	MaxAge           *Duration     `json:"maxAge,omitempty"`
	AllowCredentials *bool         `json:"allowCredentials,omitempty"`
	// StopUnmatched answers preflights of other origins itself (Istio's IGNORE); false or
	// nil forwards them (FORWARD, Istio's default).
	StopUnmatched *bool `json:"stopUnmatched,omitempty"`
}

// QueryMatch compares one query parameter.
type QueryMatch struct {
	Name  string      `json:"name"`
	Match StringMatch `json:"match"`
}

// Destination is where a share of a route's requests goes.
type Destination struct {
	Host      string        `json:"host"`
	Namespace string        `json:"namespace"` // of the service
	Subset    string        `json:"subset,omitempty"`
	Port      uint32        `json:"port"`
	Weight    uint32        `json:"weight"` // of the sum of its route's weights; never all zero
	Headers   HeaderChanges `json:"headers,omitzero"`
}

// HeaderChanges are applied to requests on their way in and responses on their way out.
type HeaderChanges struct {
	Request  HeaderOps `json:"request,omitzero"`
	Response HeaderOps `json:"response,omitzero"`
}

// HeaderOps overwrite, append and remove.
type HeaderOps struct {
	Set    map[string]string `json:"set,omitempty"`
	Add    map[string]string `json:"add,omitempty"`
	Remove []string          `json:"remove,omitempty"`
}

// Redirect answers with a Location.
type Redirect struct {
	URI           string `json:"uri,omitempty"`
	PrefixRewrite string `json:"prefixRewrite,omitempty"`
	Authority     string `json:"authority,omitempty"`
	Scheme        string `json:"scheme,omitempty"`
	Port          uint32 `json:"port,omitempty"`
	Code          uint32 `json:"code"` // 301, 302, 303, 307 or 308
	// DerivePort is Istio's derivePort: "" (not given), "FROM_PROTOCOL_DEFAULT"
	// or "FROM_REQUEST_PORT".
	DerivePort string `json:"derivePort,omitempty"`
}

// DirectResponse answers without asking anyone.
type DirectResponse struct {
	Status uint32 `json:"status"`
	Body   string `json:"body,omitempty"`
	Bytes  []byte `json:"bytes,omitempty"` // a body that is no text
}

// Rewrite changes what the destination sees.
type Rewrite struct {
	URI       string        `json:"uri,omitempty"` // replaces the matched prefix, or the path
	Regex     *RegexRewrite `json:"regex,omitempty"`
	Authority string        `json:"authority,omitempty"`
}

// RegexRewrite replaces what Match matches; \1 names a group (RE2).
type RegexRewrite struct {
	Match   string `json:"match"`
	Rewrite string `json:"rewrite"`
}

// Retries of a route.
type Retries struct {
	Attempts      uint32    `json:"attempts"` // 0: never
	PerTryTimeout *Duration `json:"perTryTimeout,omitempty"`
	RetryOn       []string  `json:"retryOn,omitempty"`       // Envoy's names
	RetryOnStatus []uint32  `json:"retryOnStatus,omitempty"` // status codes
	Backoff       *Duration `json:"backoff,omitempty"`       // absent: 25 ms
	// RemoteLocalities tries other localities' endpoints.
	RemoteLocalities bool `json:"remoteLocalities,omitempty"`
	// SameHost may ask an endpoint again that failed already (Istio's
	// retryIgnorePreviousHosts: false).
	SameHost bool `json:"sameHost,omitempty"`
}

// Fault is injected on purpose.
type Fault struct {
	Delay *FaultDelay `json:"delay,omitempty"`
	Abort *FaultAbort `json:"abort,omitempty"`
}

// FaultDelay holds a share of the requests back.
type FaultDelay struct {
	Fixed   Duration `json:"fixed"`
	Percent float64  `json:"percent"` // 0 to 100
}

// FaultAbort answers a share of the requests itself.
type FaultAbort struct {
	Status  uint32  `json:"status,omitempty"`
	GRPC    *uint32 `json:"grpc,omitempty"` // instead of Status: a gRPC status code
	Percent float64 `json:"percent"`        // 0 to 100
}
