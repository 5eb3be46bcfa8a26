package crds

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// RegoHTTPSendSpec lets a policy call hosts by http.send.
type RegoHTTPSendSpec struct {
	Hosts       []RegoHTTPSendHostSpec `json:"hosts"`
	Timeout     model.Duration         `json:"timeout"`     // of one call
	MaxResponse string                 `json:"maxResponse"` // like 64Ki
}

// RegoHTTPSendHostSpec is one host. No wildcards: a name that a caller chooses
// would be one that he can own.
type RegoHTTPSendHostSpec struct {
	Host    string `json:"host"`
	Port    uint32 `json:"port"`    // 0: 443, and 80 without TLS
	Private bool   `json:"private"` // its addresses may be other than the Internet's
	HTTP    bool   `json:"http"`    // without TLS, too
	CA      string `json:"ca"`      // PEM; the system's authorities where it is empty
}

// RegoProtoDescriptorSpec is a FileDescriptorSet, as protoc
// --include_imports --descriptor_set_out writes it.
type RegoProtoDescriptorSpec struct {
	File string `json:"file"` // from the declaring file's folder
}

// What a call of http.send may take where nothing is said.
const (
	httpSendTimeout     = model.Duration(100_000_000) // 100 ms
	httpSendMaxResponse = 64 << 10
)

func (s *RegoHTTPSendSpec) validate(r *report) {
	if len(s.Hosts) == 0 {
		r.missing("spec.httpSend.hosts", "which hosts may be called?")
	}
	if s.Timeout < 0 {
		r.bad("spec.httpSend.timeout", "want a positive duration")
	}
	for i, h := range s.Hosts {
		at := index("spec.httpSend.hosts", i)
		_, err := netip.ParseAddr(h.Host)
		switch {
		case h.Host == "":
			r.missing(at+".host", "want a name or an address")
		case err != nil && (strings.ContainsAny(h.Host, "*/:@ ") || h.Host != strings.ToLower(h.Host)):
			r.bad(at+".host", "want the name of one host in lower case, or an address")
		}
		if h.Port > 65535 {
			r.bad(at+".port", "want a port")
		}
		if h.CA != "" && len(certificatesIn([]byte(h.CA))) == 0 {
			r.bad(at+".ca", "it is no certificate in PEM")
		}
	}
}

func (c *conversion) httpSend(in *RegoHTTPSendSpec) *model.HTTPSend {
	if in == nil {
		return nil
	}
	out := &model.HTTPSend{Timeout: in.Timeout, MaxResponse: c.bytes(in.MaxResponse, "spec.httpSend.maxResponse")}
	if out.Timeout == 0 {
		out.Timeout = httpSendTimeout
	}
	if out.MaxResponse == 0 {
		out.MaxResponse = httpSendMaxResponse
	}
	for _, h := range in.Hosts {
		host := h.Host
		if h.Port != 0 {
			host = net.JoinHostPort(h.Host, strconv.Itoa(int(h.Port)))
		}
		out.Hosts = append(out.Hosts, model.FetchHost{Host: host, Private: h.Private, HTTP: h.HTTP, CA: h.CA})
	}
	return out
}

// protoDescriptor reads the file. What is in it is checked with the policy.
func (c *conversion) protoDescriptor(in *RegoProtoDescriptorSpec) []byte {
	const at = "spec.protoDescriptor.file"
	if in == nil {
		return nil
	}
	if in.File == "" {
		c.missing(at, "want the file that protoc --include_imports --descriptor_set_out wrote")
		return nil
	}
	path := in.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.object.Dir(), path)
	}
	data, err := c.opts.ReadFile(path)
	if err != nil {
		c.add(model.Error, model.CodeBadRego, at, "", "reading the descriptors: %v", err)
	}
	return data
}
