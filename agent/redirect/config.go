// Package redirect has the kernel lead a machine's traffic to its sidecar: it
// turns a Config into rules for nftables or iptables, puts them in force at
// once, and takes away exactly what it made. It never touches other rules.
package redirect

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The ports that the sidecar listens on.
const (
	OutboundPort = 15001
	InboundPort  = 15006
	DNSPort      = 15053
)

// agentPorts are the agent's own, for whoever asks whether the workload is
// ready, and for its metrics: they always go around the proxy.
var agentPorts = []uint16{15020, 15021}

// Config says which traffic is redirected. All else is left alone.
type Config struct {
	OutboundPort uint16 `json:"outboundPort"`
	InboundPort  uint16 `json:"inboundPort"`
	// The proxy's own users and groups: their calls are not redirected.
	UIDs []uint32 `json:"uids"`
	GIDs []uint32 `json:"gids"`

	IncludeInboundPorts Ports    `json:"includeInboundPorts"`
	ExcludeInboundPorts []uint16 `json:"excludeInboundPorts"`
	// Calls are redirected that are for an included port, or to an included
	// address, and for nothing that is excluded.
	IncludeOutboundPorts  Ports    `json:"includeOutboundPorts"`
	ExcludeOutboundPorts  []uint16 `json:"excludeOutboundPorts"`
	IncludeOutboundRanges Ranges   `json:"includeOutboundIPRanges"`
	ExcludeOutboundRanges Ranges   `json:"excludeOutboundIPRanges"`
	ExcludeInterfaces     []string `json:"excludeInterfaces"`
	// Resolvers whose lookups go to the agent; none: DNS is left alone.
	Resolvers []netip.Addr `json:"resolvers,omitempty"`
}

// Ports are all, or some.
type Ports struct {
	All  bool     `json:"all,omitempty"`
	List []uint16 `json:"list,omitempty"`
}

// Ranges are all addresses, or some.
type Ranges struct {
	All  bool           `json:"all,omitempty"`
	List []netip.Prefix `json:"list,omitempty"`
}

// Default redirects everything but what the user 1337 does, and SSH: rules
// must not lock out who sets them.
func Default() Config {
	return Config{
		OutboundPort: OutboundPort, InboundPort: InboundPort, UIDs: []uint32{1337}, GIDs: []uint32{1337},
		IncludeInboundPorts: Ports{All: true}, ExcludeInboundPorts: []uint16{22}, IncludeOutboundRanges: Ranges{All: true},
	}
}

// Validate tells what is wrong.
func (c Config) Validate() error {
	if c.OutboundPort == 0 || c.InboundPort == 0 || c.OutboundPort == c.InboundPort {
		return fmt.Errorf("the outbound port (%d) and the inbound port (%d) are two different ports", c.OutboundPort, c.InboundPort)
	}
	if len(c.UIDs)+len(c.GIDs) == 0 {
		return fmt.Errorf("no user and no group is left alone: the proxy's own calls would come back to it for ever; give --uid or --gid")
	}
	if slices.Contains(c.UIDs, 0) || slices.Contains(c.GIDs, 0) {
		return fmt.Errorf("user or group 0 is root, whose programs would all go around the proxy: run the proxy as a user of its own")
	}
	for _, name := range c.ExcludeInterfaces {
		if !interfaceName.MatchString(name) {
			return fmt.Errorf("%q is no name of a network interface", name)
		}
	}
	return nil
}

// interfaceName is narrower than the kernel's: names get into scripts.
var interfaceName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,15}$`)

// ParsePortList reads "80,443".
func ParsePortList(s string) ([]uint16, error) {
	var out []uint16
	for _, text := range words(s) {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q is no port", text)
		}
		out = append(out, uint16(n))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// ParsePorts reads "*", or a list of ports.
func ParsePorts(s string) (Ports, error) {
	if strings.TrimSpace(s) == "*" {
		return Ports{All: true}, nil
	}
	list, err := ParsePortList(s)
	return Ports{List: list}, err
}

// ParseRanges reads "*", or a list of addresses and ranges.
func ParseRanges(s string) (Ranges, error) {
	if strings.TrimSpace(s) == "*" {
		return Ranges{All: true}, nil
	}
	var out []netip.Prefix
	for _, text := range words(s) {
		p, err := netip.ParsePrefix(text)
		if a, notOne := netip.ParseAddr(text); notOne == nil {
			p, err = a.WithZone("").Prefix(a.BitLen())
		}
		if err != nil || p.Addr().Is4In6() {
			return Ranges{}, fmt.Errorf("%q is neither an address nor a range of addresses", text)
		}
		out = append(out, p.Masked())
	}
	slices.SortFunc(out, netip.Prefix.Compare)
	return Ranges{List: within(slices.Compact(out))}, nil
}

// within leaves out ranges that another one holds: nft refuses overlaps.
func within(list []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range list {
		covered := func(o netip.Prefix) bool { return o != p && o.Bits() <= p.Bits() && o.Contains(p.Addr()) }
		if !slices.ContainsFunc(list, covered) {
			out = append(out, p)
		}
	}
	return out
}

// ParseIDs reads "1337,1338".
func ParseIDs(s string) ([]uint32, error) {
	var out []uint32
	for _, text := range words(s) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is no number of a user or group", text)
		}
		out = append(out, uint32(n))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// ParseInterfaces reads "docker0,eth1".
func ParseInterfaces(s string) []string { return words(s) }

func words(s string) []string {
	var out []string
	for _, w := range strings.Split(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}
