package crds

import (
	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (v *virtualService) tlsRoutes(in []*networking.TLSRoute) {
	for i, r := range in {
		at := index("spec.tls", i)
		out := model.L4Route{Name: index("tls", i), Destinations: v.l4Destinations(r.GetRoute(), at)}
		if len(r.GetMatch()) == 0 {
			v.missing(at+".match", "a TLS route has at least one match, with sniHosts")
		}
		for j, m := range r.GetMatch() {
			field := index(at+".match", j)
			out.Matches = append(out.Matches, model.L4Match{
				SNI:     v.sniHosts(m.GetSniHosts(), field+".sniHosts"),
				Subnets: v.subnets(m.GetDestinationSubnets(), field+".destinationSubnets"), Port: v.optionalPort(m.GetPort(), field+".port"),
				SourceLabels: v.labels(m.GetSourceLabels(), field+".sourceLabels"), SourceNamespace: v.namespace(m.GetSourceNamespace(), field+".sourceNamespace"),
				Gateways: m.GetGateways(),
			})
			v.gatewayNames(m.GetGateways(), field+".gateways")
		}
		v.out.TLS = append(v.out.TLS, out)
	}
}

// sniHosts are within the hosts, else the route could take other hosts' calls.
func (v *virtualService) sniHosts(in []string, field string) []string {
	if len(in) == 0 {
		v.missing(field, "a TLS match has at least one server name")
	}
	var out []string
	for i, name := range in {
		at := index(field, i)
		name = v.host(name, at)
		covered := false
		for _, h := range v.out.Hosts {
			covered = covered || hostWithin(name, h)
		}
		if !covered && !v.reported(at) {
			v.add(model.Error, model.CodeInvalidValue, at, "add it to spec.hosts", "%q is none of the hosts", name)
		}
		out = append(out, name)
	}
	return out
}

func (v *virtualService) tcpRoutes(in []*networking.TCPRoute) {
	for i, r := range in {
		at := index("spec.tcp", i)
		out := model.L4Route{Name: index("tcp", i), Destinations: v.l4Destinations(r.GetRoute(), at)}
		for j, m := range r.GetMatch() {
			field := index(at+".match", j)
			match := model.L4Match{
				Subnets: v.subnets(m.GetDestinationSubnets(), field+".destinationSubnets"), Port: v.optionalPort(m.GetPort(), field+".port"),
				SourceLabels: v.labels(m.GetSourceLabels(), field+".sourceLabels"), SourceNamespace: v.namespace(m.GetSourceNamespace(), field+".sourceNamespace"),
				Gateways: m.GetGateways(),
			}
			if s := m.GetSourceSubnet(); s != "" {
				match.SourceSubnet = v.cidr(s, field+".sourceSubnet")
			}
			v.gatewayNames(m.GetGateways(), field+".gateways")
			out.Matches = append(out.Matches, match)
		}
		v.out.TCP = append(v.out.TCP, out)
	}
}

func (v *virtualService) l4Destinations(in []*networking.RouteDestination, field string) []model.Destination {
	if len(in) == 0 {
		v.missing(field+".route", "a route needs destinations")
	}
	var out []model.Destination
	for i, r := range in {
		at := index(field+".route", i)
		d := v.destination(r.GetDestination(), at+".destination")
		d.Weight = v.count(r.GetWeight(), at+".weight")
		out = append(out, d)
	}
	v.weights(out, field+".route")
	return out
}
