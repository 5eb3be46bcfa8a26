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
}

// HTTPRoute is one rule; the first that matches wins.
type HTTPRoute struct {
	Name         string          `json:"name"`              // unique within the table
	Matches      []HTTPMatch     `json:"matches,omitempty"` // any of them; none: everything
	Destinations []Destination   `json:"destinations,omitempty"`
	Redirect     *Redirect       `json:"redirect,omitempty"`
	Direct       *DirectResponse `json:"directResponse,omitempty"`
	Rewrite      *Rewrite        `json:"rewrite,omitempty"`
	Timeout      *Duration       `json:"timeout,omitempty"` // absent: none
	Retries      *Retries        `json:"retries,omitempty"` // absent: the mesh's default
	Fault        *Fault          `json:"fault,omitempty"`
	Headers      HeaderChanges   `json:"headers,omitzero"`
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
}

// DirectResponse answers without asking anyone.
type DirectResponse struct {
	Status uint32 `json:"status"`
	Body   string `json:"body,omitempty"`
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
	Status  uint32  `json:"status"`
	Percent float64 `json:"percent"` // 0 to 100
}
