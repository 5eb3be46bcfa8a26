// Package trafficcases turns YAML files into configurations, requests and the
// outcomes that are wanted: behaviour as data. Its test runs each case through
// a real Envoy and through package explain. It decides nothing itself.
package trafficcases

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// Suite is one file: cases about one rule.
type Suite struct {
	File  string `json:"-"` // relative to the folder that was loaded
	About string `json:"about,omitempty"`
	// Config is declared in every case of the file.
	Config string `json:"config,omitempty"`
	Cases  []Case `json:"cases"`
}

// Case is one configuration and what becomes of requests. It is added to
// mesh.yaml, or stands alone where it has a Mesh object of its own.
type Case struct {
	Name   string `json:"name"`
	Config string `json:"config,omitempty"` // YAML documents, as users write them
	// MeshConfig is merged into the Mesh's spec.meshConfig.
	MeshConfig map[string]any `json:"meshConfig,omitempty"`
	// DNS is what names resolve to; all others do not exist.
	DNS map[string][]string `json:"dns,omitempty"`
	// Problems that analysis must find, "CODE Kind/name" each; no others.
	Problems []string  `json:"problems,omitempty"`
	Requests []Request `json:"requests"`
	// Pending says what is not mended yet; such a case may fail.
	Pending string `json:"pending,omitempty"`
}

// Request is what a caller sends.
type Request struct {
	// Send is "METHOD URL". A sidecar takes the URL as a proxy does; a gateway
	// is called on the URL's port. "tcp://HOST:PORT" opens a connection and
	// sends Body; "GRPC URL" makes a streaming call with Messages;
	// "WEBSOCKET URL" upgrades and sends Body.
	Send string `json:"send"`
	From string `json:"from,omitempty"` // a workload or a gateway: web where not given
	// Via is how a sidecar is used: "" its HTTP proxy in absolute form, or
	// CONNECT where that must be; "connect"; "local", the port that stands for
	// a TCP service; "inbound", straight to the caller's own inbound port.
	Via      string   `json:"via,omitempty"`
	Headers  Headers  `json:"headers,omitempty"`
	Body     string   `json:"body,omitempty"`
	Messages []string `json:"messages,omitempty"`
	HTTP2    bool     `json:"http2,omitempty"`
	TLS      *TLS     `json:"tls,omitempty"` // for https and tls URLs
	Source   string   `json:"source,omitempty"`
	Times    int      `json:"times,omitempty"` // 1 where not given
	Want     Want     `json:"want"`
	// Unexplained says why package explain is not asked.
	Unexplained string `json:"unexplained,omitempty"`
}

// TLS is how a client begins TLS.
type TLS struct {
	SNI  string   `json:"sni,omitempty"` // the URL's host where not given; "none": none
	ALPN []string `json:"alpn,omitempty"`
	Cert string   `json:"cert,omitempty"` // name of a client certificate
	Min  string   `json:"min,omitempty"`  // "1.2"
	Max  string   `json:"max,omitempty"`
}

// Headers are values by name: one, or a list of several lines.
type Headers map[string]any

// Want is what is compared; what is not given is not.
type Want struct {
	Status int `json:"status,omitempty"` // 200 where not given
	// To are the workloads (or "address:port") that may have answered.
	To       Names    `json:"to,omitempty"`
	Cluster  string   `json:"cluster,omitempty"` // Envoy's
	Route    string   `json:"route,omitempty"`   // %ROUTE_NAME%
	Upstream Upstream `json:"upstream,omitzero"` // what arrived
	// Response headers: a value, null for absent, "~" and a regular expression.
	Response map[string]any `json:"response,omitempty"`
	Location string         `json:"location,omitempty"`
	Body     *string        `json:"body,omitempty"`
	Details  string         `json:"details,omitempty"` // %RESPONSE_CODE_DETAILS%
	Flags    string         `json:"flags,omitempty"`   // %RESPONSE_FLAGS%
	GRPC     *int           `json:"grpc,omitempty"`    // grpc-status
	// Shares of the answers in percent, by workload: "60-90".
	Shares map[string]string `json:"shares,omitempty"`
	// Mirrored are the workloads that get copies, and how many in percent.
	Mirrored map[string]string `json:"mirrored,omitempty"`
	Never    Names             `json:"never,omitempty"`    // workloads that get nothing
	Attempts string            `json:"attempts,omitempty"` // requests that reach upstreams, for each one sent
	Took     string            `json:"took,omitempty"`     // "100ms-2s"
	Fails    string            `json:"fails,omitempty"`    // no answer: words of the error
	// Distinct is how many workloads answer Times requests.
	Distinct int `json:"distinct,omitempty"`
	// PeerName is the DNS name of the certificate that is shown to the client.
	PeerName string `json:"peerName,omitempty"`
	Protocol string `json:"protocol,omitempty"` // negotiated by ALPN
}

// Upstream is what arrives at a workload.
type Upstream struct {
	Method    string         `json:"method,omitempty"`
	Path      string         `json:"path,omitempty"`
	Authority string         `json:"authority,omitempty"`
	Headers   map[string]any `json:"headers,omitempty"` // as Want.Response
	Protocol  string         `json:"protocol,omitempty"`
	Body      *string        `json:"body,omitempty"`
	From      string         `json:"from,omitempty"` // the caller's address
	SNI       string         `json:"sni,omitempty"`  // of TLS that it ended
	ALPN      string         `json:"alpn,omitempty"`
	Peer      string         `json:"peer,omitempty"` // common name of the caller's certificate
}

// Load reads every folder's files below a folder: <topic>/<file>.yaml.
func Load(dir string) ([]Suite, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("finding traffic cases in %s: %w", dir, err)
	}
	suites := make([]Suite, len(files))
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading traffic cases: %w", err)
		}
		if err := yaml.UnmarshalStrict(content, &suites[i]); err != nil {
			return nil, fmt.Errorf("reading traffic cases of %s: %w", file, err)
		}
		if suites[i].File, err = filepath.Rel(dir, file); err != nil {
			return nil, fmt.Errorf("naming %s: %w", file, err)
		}
	}
	return suites, nil
}
