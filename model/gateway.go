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
	Namespaces    []string   `json:"namespaces"`
	HTTPSRedirect bool       `json:"httpsRedirect,omitempty"`
	Bind          string     `json:"bind,omitempty"` // an IP, or "unix:///path"; empty: the workload's address
	TLS           *ServerTLS `json:"tls,omitempty"`  // nil: plain text
}

// TLSMode is a TLS mode of a server or of a client.
type TLSMode string

const (
	TLSDisable         TLSMode = "DISABLE"
	TLSSimple          TLSMode = "SIMPLE"
	TLSMutual          TLSMode = "MUTUAL"
	TLSOptionalMutual  TLSMode = "OPTIONAL_MUTUAL"
	TLSIstioMutual     TLSMode = "ISTIO_MUTUAL"
	TLSPassthrough     TLSMode = "PASSTHROUGH"
	TLSAutoPassthrough TLSMode = "AUTO_PASSTHROUGH"
)

// ServerTLS is how a server's connections are decrypted, or that they are not.
type ServerTLS struct {
	Mode TLSMode `json:"mode"`
	// Certificates of files, where Credentials are empty: one, or an RSA and
	// an ECDSA one.
	Certificates   []CertificateFiles `json:"certificates,omitempty"`
	CACertificates string             `json:"caCertificates,omitempty"` // a file
	CRL            string             `json:"crl,omitempty"`            // a file
	Credentials    []string           `json:"credentials,omitempty"`    // Secrets' names, in the gateway workload's namespace
	CACredential   string             `json:"caCredential,omitempty"`   // a Secret's name
	// What a client's certificate must have beside being valid: any of each.
	SubjectAltNames    []string `json:"subjectAltNames,omitempty"`
	SPKI               []string `json:"spki,omitempty"`       // base64 of the SHA-256
	Hashes             []string `json:"hashes,omitempty"`     // hex of the SHA-256
	MinVersion         string   `json:"minVersion,omitempty"` // "TLSV1_0" … "TLSV1_3"; empty: Envoy's
	MaxVersion         string   `json:"maxVersion,omitempty"`
	CipherSuites       []string `json:"cipherSuites,omitempty"` // known to Envoy
	InsecureSkipVerify bool     `json:"insecureSkipVerify,omitempty"`
}

// CertificateFiles are files of PEM on the proxy's machine.
type CertificateFiles struct {
	Certificate string `json:"certificate"`
	PrivateKey  string `json:"privateKey"`
}
