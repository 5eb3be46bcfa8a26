package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestScopeOf: what proxies of namespace "shop" know under one Sidecar.
func TestScopeOf(t *testing.T) {
	service := func(host, namespace string, ports ...uint32) *Service {
		s := &Service{Host: host, Namespace: namespace}
		for _, p := range ports {
			s.Ports = append(s.Ports, Port{Number: p, Protocol: HTTP})
		}
		return s
	}
	s := &Snapshot{
		Services: []*Service{service("a.shop", "shop", 80, 81), service("b.books", "books", 80), service("c.books", "books", 80),
			service("twice", "books", 80), service("twice", "shop", 80), service("*.wild.com", "books", 80),
			{Host: "hidden", Namespace: "books", Ports: []Port{{Number: 80}}, ExportTo: []string{"."}}},
		Routes: []*RouteTable{{Object: Ref{Namespace: "shop", Name: "a"}, Hosts: []string{"a.shop"}, Gateways: []string{MeshGateway},
			HTTP: []HTTPRoute{{Destinations: []Destination{{Host: "b.books"}}, Mirrors: []Mirror{{Destination: Destination{Host: "hidden"}}}}}}},
	}
	for _, c := range []struct {
		name   string
		egress []SidecarEgress
		want   []string
	}{
		{"none", nil, []string{"*.wild.com[80]", "a.shop[80 81]", "b.books[80]", "c.books[80]", "twice@shop[80]"}},
		{"its own", egress("shop/*"), []string{"a.shop[80 81]", "b.books(inner)[80]", "twice@shop[80]"}},
		{"one of another", egress("books/c.books"), []string{"c.books[80]"}},
		{"nothing", egress("~/*"), nil},
		{"the other of a host", egress("books/twice"), []string{"twice@books[80]"}},
		{"what a wildcard covers", egress("*/*.books"), []string{"b.books[80]", "c.books[80]"}},
		{"no part of a wildcard service", egress("*/x.wild.com"), nil},
		{"all but a namespace", egress("*/*", "!books/*"), []string{"a.shop[80 81]", "b.books(inner)[80]", "twice@shop[80]"}},
		{"all but a host of any", egress("!*/twice", "*/*"), []string{"*.wild.com[80]", "a.shop[80 81]", "b.books[80]", "c.books[80]"}},
		{"only what stays out", egress("!*/*"), nil},
		{"one port", []SidecarEgress{{Port: &Port{Number: 81}, Hosts: []HostScope{{Namespace: "shop", Host: "*"}}}}, []string{"a.shop[81]", "b.books(inner)[80]"}},
		{"a port and the rest", []SidecarEgress{{Port: &Port{Number: 80}, Hosts: []HostScope{{Namespace: "books", Host: "c.books"}}}, {Hosts: []HostScope{{Namespace: "shop", Host: "*"}}}},
			[]string{"a.shop[81]", "b.books(inner)[80]", "c.books[80]"}},
	} {
		s.Sidecars = []*Sidecar{{Object: Ref{Namespace: "shop", Name: "default"}, Egress: c.egress}}
		if c.egress == nil {
			s.Sidecars = nil
		}
		if got := known(s.ScopeOf(Workload{Namespace: "shop", Name: "w"})); !slices.Equal(got, c.want) {
			t.Errorf("%s: it knows %q, want %q", c.name, got, c.want)
		}
	}
}

func egress(namespaceHost ...string) []SidecarEgress {
	e := SidecarEgress{}
	for _, h := range namespaceHost {
		ns, host := ParseKey(h, "")
		bare, exclude := strings.CutPrefix(ns, "!")
		e.Hosts = append(e.Hosts, HostScope{bare, host, exclude})
	}
	return []SidecarEgress{e}
}

func known(c Scope) (out []string) {
	for _, s := range c.Services {
		text := s.Host
		if s.Host == "twice" {
			text += "@" + s.Namespace
		}
		if s.Inner {
			text += "(inner)"
		}
		var ports []uint32
		for _, p := range s.Known {
			ports = append(ports, p.Number)
		}
		out = append(out, text+fmt.Sprint(ports))
	}
	return out
}
