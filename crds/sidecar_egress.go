package crds

import (
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (c *conversion) sidecarEgress(in []*networking.IstioEgressListener, out *model.Sidecar) {
	taken := map[string]bool{}
	for i, l := range in {
		at := index("spec.egress", i)
		e := model.SidecarEgress{Bind: c.bind(l.GetBind(), at+".bind"), CaptureMode: captureMode(l.GetCaptureMode()),
			Hosts: c.hostScopes(l.GetHosts(), at+".hosts")}
		if l.GetPort() == nil {
			if i != len(in)-1 {
				c.bad(at+".port", "a listener without a port takes what the others leave: it is the last")
			}
			if e.Bind != "" {
				c.warn(at+".bind", "a listener without a port is not bound anew: it has no effect")
			}
		} else {
			e.Port = c.egressPort(l, e.Bind, taken, at)
		}
		out.Egress = append(out.Egress, e)
	}
}

// egressPort reads the port of a listener of its own.
func (c *conversion) egressPort(l *networking.IstioEgressListener, bind string, taken map[string]bool, at string) *model.Port {
	p := c.sidecarPort(l.GetPort(), at+".port")
	on := at + ".port.number"
	socket := strings.HasPrefix(bind, unixPrefix)
	switch {
	case p.Number == 0 && !socket:
		c.bad(on, "the port 0 is for listeners bound to a unix socket")
	case p.Number == 0 && l.GetCaptureMode() == networking.CaptureMode_IPTABLES:
		c.bad(at+".captureMode", "a unix socket cannot be redirected to")
	case p.Number != 0 && socket:
		c.bad(on, "a listener on a unix socket has the port 0")
	case p.Number != 0:
		c.port(p.Number, on)
	}
	id := bind
	if !socket {
		id = strconv.Itoa(int(p.Number))
	}
	if taken[id] {
		c.add(model.Error, model.CodePort, on, "", "another listener is on the same port or socket")
	}
	taken[id] = true
	return &p
}

// hostScopes reads "namespace/host", and "~namespace/host" for what stays out.
func (c *conversion) hostScopes(in []string, field string) []model.HostScope {
	if len(in) == 0 {
		c.missing(field, "an egress listener sees at least one host")
	}
	var out []model.HostScope
	seen := map[model.HostScope]bool{}
	for i, h := range in {
		at := index(field, i)
		ns, host, ok := strings.Cut(h, "/")
		if !ok {
			c.add(model.Error, model.CodeInvalidValue, at, "write */"+h+", or ./"+h+" for this namespace's", `want "namespace/host", got %q`, h)
			continue
		}
		ns, exclude := strings.CutPrefix(ns, "~")
		if ns == "" && exclude {
			ns = "*"
		}
		if ns != "." && ns != "*" && !dnsName.MatchString(ns) {
			c.bad(at, `%q is no namespace: write a name, "." or "*", and "~" before it for what stays out`, ns)
		}
		scope := model.HostScope{Namespace: ns, Host: c.host(host, at), Exclude: exclude}
		if seen[scope] || seen[model.HostScope{Namespace: ns, Host: "*", Exclude: exclude}] {
			c.warn(at, "%s is seen already", h)
		}
		seen[scope] = true
		out = append(out, scope)
	}
	return out
}
