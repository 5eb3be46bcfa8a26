package model

import (
	"errors"
	"net/url"
)

// FetchPolicy is what the mesh allows to be fetched over the network, and how
// often. nil allows what is on the Internet, over TLS.
type FetchPolicy struct {
	Hosts []FetchHost `json:"hosts,omitempty"`
	// OnlyHosts: from Hosts, and from nowhere else.
	OnlyHosts bool `json:"onlyHosts,omitempty"`
	// Interval is between two looks at what may have changed; 0: 5 min.
	Interval Duration `json:"interval,omitempty"`
}

// FetchHost is a host that things may come from, though it is not on the
// Internet, or is not reached as hosts of the Internet are.
type FetchHost struct {
	Host string `json:"host"` // "registry.example.com", or with ":PORT"
	// Private: its address may be private, or this machine's own.
	Private bool   `json:"private,omitempty"`
	HTTP    bool   `json:"http,omitempty"` // without TLS
	CA      string `json:"ca,omitempty"`   // PEM; empty: the system's authorities
}

// HostNamed gives what the policy says of a host, nil if nothing.
func (p *FetchPolicy) HostNamed(host string) *FetchHost {
	if p == nil {
		return nil
	}
	for i := range p.Hosts {
		if p.Hosts[i].Host == host {
			return &p.Hosts[i]
		}
	}
	return nil
}

// maxFetchURL is the longest URL that is asked for.
const maxFetchURL = 8 << 10

// CheckFetchURL says why a text is no URL that anything is fetched from.
func CheckFetchURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxFetchURL || err != nil:
		return errors.New("it is no URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("want a URL that begins with https:// or http://")
	case u.Hostname() == "":
		return errors.New("the URL has no host")
	case u.User != nil:
		return errors.New("a URL holds no user and password: who reads it sees them")
	case u.Fragment != "":
		return errors.New("a server is not told what stands behind #")
	}
	return nil
}
