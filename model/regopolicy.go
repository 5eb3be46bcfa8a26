package model

// FailureMode is what happens to a request whose policy cannot be asked.
type FailureMode string

const (
	FailClosed FailureMode = "Closed"
	FailOpen   FailureMode = "Open"
)

// Mode is whether a verdict counts.
type Mode string

const (
	Enforce Mode = "Enforce"
	Shadow  Mode = "Shadow"
)

// RegoPolicy is decided by Rego modules.
type RegoPolicy struct {
	Object   Ref          `json:"object"`
	Selector Selector     `json:"selector"`
	Modules  []RegoModule `json:"modules"`        // the bundle's are among them
	Data     string       `json:"data,omitempty"` // a JSON document; the bundle's is in it
	Query    string       `json:"query"`          // "data.istio.authz.allow"
	Mode     Mode         `json:"mode"`
	Failure  FailureMode  `json:"failure"`
	Timeout  Duration     `json:"timeout"`
	MaxBody  uint32       `json:"maxBody,omitempty"` // bytes of the request's body that are sent; 0: none
	// WholeBody: a longer body is answered 413, and never seen in part.
	WholeBody bool `json:"wholeBody,omitempty"`
	// RawBody: the body is sent as bytes, not as text: for gRPC.
	RawBody bool `json:"rawBody,omitempty"`
	// UnreadBody: input has neither parsed_body nor truncated_body.
	UnreadBody bool `json:"unreadBody,omitempty"`
	// ProtoDescriptor is a FileDescriptorSet, by which gRPC bodies are read.
	ProtoDescriptor []byte `json:"protoDescriptor,omitempty"`
	Memory          int64  `json:"memory,omitempty"`      // bytes that one decision may take; 0: policyd's own limit
	Concurrency     uint32 `json:"concurrency,omitempty"` // decisions at once; 0: policyd's own limit
	// HTTPSend is what http.send may reach; nil: it is no built-in of the policy's.
	HTTPSend *HTTPSend   `json:"httpSend,omitempty"`
	Bundle   *RegoBundle `json:"bundle,omitempty"`
	Lower    Lower       `json:"lower,omitempty"` // "" is LowerAuto
	// MaxStaleness is how old a proxy's configuration may be for it to decide
	// by itself; 0: any age.
	MaxStaleness Duration   `json:"maxStaleness,omitempty"`
	JWT          JWTPlace   `json:"jwt,omitempty"`  // "" is JWTDaemon
	Cache        CacheTimes `json:"cache,omitzero"` // of answers, by proxies that asked
	// Lowered is what a proxy decides of it by itself. nil: nothing.
	Lowered *Lowered `json:"lowered,omitempty"`
}

// Lower says whether a policy may be decided by proxies.
type Lower string

const (
	LowerAuto    Lower = "Auto"
	LowerNever   Lower = "Never"
	LowerRequire Lower = "Require" // a part that stays to be asked is a Problem
)

// JWTPlace is who may verify the tokens that a policy's io.jwt built-ins read.
type JWTPlace string

const (
	JWTDaemon JWTPlace = "Daemon" // OPA, by the policy's own words
	JWTNative JWTPlace = "Native" // jwt_authn: its clock skew and its numbers are good enough
)

// HTTPSend bounds a policy's http.send.
type HTTPSend struct {
	// Hosts may be called, and no others: not on the Internet, or in plain
	// text, only where they say so.
	Hosts       []FetchHost `json:"hosts"`
	Timeout     Duration    `json:"timeout"`     // of one call
	MaxResponse int64       `json:"maxResponse"` // bytes of its body
}

// RegoModule is one file of Rego.
type RegoModule struct {
	Name   string `json:"name"`
	Source string `json:"source"`
}

// RegoBundle is whence modules and data come, beside those that the policy
// holds. The control plane fetches it.
type RegoBundle struct {
	URL       string           `json:"url"` // http, https, or a path: a file, or a folder
	Refresh   Duration         `json:"refresh,omitempty"`
	Token     *SecretKey       `json:"token,omitempty"` // for Authorization: Bearer
	Signature *BundleSignature `json:"signature,omitempty"`
	// Revision is what the bundle in force says it is, and Digest the hash of
	// its content. "": none was had yet.
	Revision string `json:"revision,omitempty"`
	Digest   string `json:"digest,omitempty"`
}

// SecretKey is a key of a Secret of the object's namespace.
type SecretKey struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// BundleSignature says who must have signed a bundle, in OPA's way.
type BundleSignature struct {
	Keys    []BundleKey `json:"keys"`
	Scope   string      `json:"scope,omitempty"`
	Exclude []string    `json:"exclude,omitempty"` // files that are not signed
}

// BundleKey is a key that signatures are checked with.
type BundleKey struct {
	ID        string     `json:"id"`
	Algorithm string     `json:"algorithm"`
	PublicKey string     `json:"publicKey,omitempty"` // PEM
	Secret    *SecretKey `json:"secret,omitempty"`    // holds it, in the place of PublicKey
}

// Version is the policy's content hash: of all that its answers depend on.
func (p RegoPolicy) Version() string {
	return Hash(struct {
		M     []RegoModule
		D, Q  string
		T     Duration
		F     FailureMode
		Mode  Mode
		B     uint32
		Whole bool
		Raw   bool
		Un    bool
		P     []byte
		Mem   int64
		N     uint32
		H     *HTTPSend
	}{p.Modules, p.Data, p.Query, p.Timeout, p.Failure, p.Mode, p.MaxBody, p.WholeBody, p.RawBody, p.UnreadBody, p.ProtoDescriptor, p.Memory, p.Concurrency, p.HTTPSend})
}

// Asked is the policy as policyd needs it: without the rules of proxies.
func (p RegoPolicy) Asked() RegoPolicy {
	if l := p.Lowered; l != nil {
		p.Lowered = &Lowered{Reads: l.Reads, ReadsAll: l.ReadsAll, Volatile: l.Volatile}
	}
	return p
}
