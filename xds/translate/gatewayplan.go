package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// gatewayPlan is what a gateway workload opens, and what is served there. Several Gateways share a port if they fit together, as in Istio: plain HTTP
// with plain HTTP, TLS with TLS of other server names; otherwise the first
// Gateway by namespace and name has it, and the others are Problems.
type gatewayPlan struct {
	listeners    []plannedListener
	served       map[string][]served            // by filter chain: what its virtual hosts are made of
	destinations map[string][]model.Destination // by filter chain that passes connections on
	complaints   *Part
	report
}

// plannedListeners are those of a plan, without where their connections go.
type plannedListeners struct{ list []plannedListener }

// plannedListener is a listener of a gateway.
type plannedListener struct {
	name   string
	bind   string // an IP, or "unix:///path"
	port   uint32 // that it listens on
	number uint32 // the Gateway's
	tls    bool   // its chains are chosen by server name
	chains []plannedChain
}

// plannedChain is a filter chain of it.
type plannedChain struct {
	name    string   // also the route configuration's
	http    bool     // else connections are passed on as the chain's slot says
	names   []string // server names; none: any
	sources []string // ranges of callers; none: any
	tls     *model.ServerTLS
	cluster string // that connections are passed on to as they are; "": the slot says
	// Gateways that it is of, "namespace/name": patches ask for them.
	gateways []string
}

// served is a server of a Gateway.
type served struct {
	gateway *model.Gateway
	server  int
	hosts   []int // those of its hosts that are served here
}

func (s served) declared() model.GatewayServer { return s.gateway.Servers[s.server] }

func (s served) field() string { return fmt.Sprintf("spec.servers[%d]", s.server) }

const unixPrefix = "unix://"

// planInput is what a plan is made of.
type planInput struct {
	workload *model.Workload
	gateways []*model.Gateway
	tables   []gatewayTables // beside each: its tables with rules for connections
	passed   []passed        // what AUTO_PASSTHROUGH may pass on
}

// gatewayTables are the tables of one Gateway.
type gatewayTables struct{ list []*model.RouteTable }

// planner is a plan under way.
type planner struct {
	planInput
	*gatewayPlan
}

// planGateway makes the plan.
func planGateway(in planInput) *gatewayPlan {
	p := planner{in, &gatewayPlan{served: map[string][]served{}, destinations: map[string][]model.Destination{}}}
	for g := range in.gateways {
		for i := range in.gateways[g].Servers {
			p.add(g, i)
		}
	}
	for i := range p.listeners {
		for j := range p.listeners[i].chains {
			c := &p.listeners[i].chains[j]
			for _, s := range p.served[c.name] {
				c.gateways = append(c.gateways, s.gateway.Object.Key())
			}
		}
	}
	p.gatewayPlan.complaints = &Part{problems: p.problems}
	return p.gatewayPlan
}

// add opens a server.
func (p planner) add(g, i int) {
	s := served{gateway: p.gateways[g], server: i}
	at := s.declared()
	port, ok := p.portOf(s)
	if !ok {
		return
	}
	name, bind := gatewayListener(at.Port), p.workload.Address
	if at.Bind != "" && at.Bind != bind {
		name, bind = name+"|"+at.Bind, at.Bind
	}
	l, taken := p.listener(name)
	if !taken {
		l.bind, l.port, l.number, l.tls = bind, port, at.Port, at.TLS != nil
	}
	call := call{gateways: []string{s.gateway.Object.Key()}, port: at.Port, addresses: []string{bind},
		namespace: p.workload.Namespace, labels: p.workload.Labels}
	switch {
	case taken && (l.tls != (at.TLS != nil) || !l.tls && !(at.Protocol.IsHTTP() && l.chains[0].http)):
		p.conflict(s, fmt.Sprintf("port %d has a server already that it does not fit to: this one is not opened", at.Port))
	case at.TLS == nil && at.Protocol.IsHTTP():
		if !taken {
			l.chains = append(l.chains, plannedChain{name: name, http: true})
		}
		s.hosts = all(at.Hosts)
		p.served[name] = append(p.served[name], s)
	case at.TLS == nil:
		p.tcp(l, s, call, plannedChain{name: name}, p.tables[g].list)
	case at.TLS.Mode == model.TLSAutoPassthrough:
		p.autoPassthrough(l, s)
	case at.TLS.Mode == model.TLSPassthrough:
		p.passthrough(l, s, call, p.tables[g].list)
	default:
		p.decrypted(l, s, call, p.tables[g].list)
	}
}

func all(hosts []string) []int {
	out := make([]int, len(hosts))
	for i := range hosts {
		out[i] = i
	}
	return out
}

// portOf is where a server's listener listens, if the workload opens its port.
func (p planner) portOf(s served) (uint32, bool) {
	at := s.declared()
	if strings.HasPrefix(at.Bind, unixPrefix) {
		return 0, true
	}
	for _, port := range p.workload.Ports {
		if port.Number == at.Port {
			return port.AppPort, true
		}
	}
	return 0, false // the snapshot's Problem says so
}

// listener finds one by its name, or begins it.
func (p planner) listener(name string) (l *plannedListener, taken bool) {
	for i := range p.listeners {
		if p.listeners[i].name == name {
			return &p.listeners[i], true
		}
	}
	p.listeners = append(p.listeners, plannedListener{name: name})
	return &p.listeners[len(p.listeners)-1], false
}

func (p planner) conflict(s served, message string) {
	p.problem(model.Warning, model.CodeGatewayConflict, s.gateway.Object, s.field(), message, "give it another port or bind, or other hosts")
}

// decrypted is a server that ends TLS: HTTP in it has virtual hosts of its own,
// other connections go where the first TCP rule says.
func (p planner) decrypted(l *plannedListener, s served, c call, tables []*model.RouteTable) {
	at := s.declared()
	var names []string
	for i, host := range at.Hosts {
		if p.claim(l, s, host) {
			names, s.hosts = append(names, host), append(s.hosts, i)
		}
	}
	if len(names) == 0 {
		return
	}
	chain := plannedChain{name: l.name + "|" + names[0], http: at.Protocol == model.HTTPS, names: names, tls: at.TLS}
	if slices.Contains(names, "*") {
		chain.names = nil
	}
	if !chain.http {
		p.tcp(l, s, c, chain, tables)
		return
	}
	l.chains = append(l.chains, chain)
	p.served[chain.name] = append(p.served[chain.name], s)
}

// passthrough has a filter chain for each server name of the TLS rules.
func (p planner) passthrough(l *plannedListener, s served, c call, tables []*model.RouteTable) {
	at := s.declared()
	for i, host := range at.Hosts {
		for _, r := range c.tlsRoutes(from(tables, at, i)) {
			name, ok := intersect(host, r.name)
			if !ok || !p.claim(l, s, name) {
				continue
			}
			chain := plannedChain{name: l.name + "|" + name, names: []string{name}}
			if name == "*" {
				chain.names = nil
			}
			l.chains = append(l.chains, chain)
			p.destinations[chain.name] = r.route.Destinations
		}
	}
}

// claim takes a server name for a server of a listener; false: another has it.
func (p planner) claim(l *plannedListener, s served, name string) bool {
	for _, c := range l.chains {
		if slices.Contains(c.names, name) || name == "*" && len(c.names) == 0 {
			p.conflict(s, fmt.Sprintf("port %d has a server for the name %s already: it keeps the name", l.number, name))
			return false
		}
	}
	return true
}

// tcp passes connections on by the first TCP rule that holds. A rule for
// callers of some addresses is a filter chain of its own.
func (p planner) tcp(l *plannedListener, s served, c call, chain plannedChain, tables []*model.RouteTable) {
	at := s.declared()
	var mine []*model.RouteTable
	for i := range at.Hosts {
		for _, t := range from(tables, at, i) {
			if !slices.Contains(mine, t) && slices.ContainsFunc(t.Hosts, func(h string) bool { _, ok := intersect(at.Hosts[i], h); return ok }) {
				mine = append(mine, t)
			}
		}
	}
	var known []string
	for _, r := range c.tcpRoutes(mine) {
		if r.source == "" {
			p.destinations[chain.name] = r.route.Destinations
			break
		}
		if within(known, r.source) {
			continue // an earlier rule takes them all
		}
		known = append(known, r.source)
		narrow := chain
		narrow.name, narrow.sources = chain.name+"|"+r.source, []string{r.source}
		l.chains = append(l.chains, narrow)
		p.destinations[narrow.name] = r.route.Destinations
	}
	if _, ok := p.destinations[chain.name]; !ok {
		p.destinations[chain.name] = nil // nobody
	}
	l.chains = append(l.chains, chain)
}

// from are the tables that the i-th host of a server takes.
func from(tables []*model.RouteTable, s model.GatewayServer, i int) []*model.RouteTable {
	if i >= len(s.Namespaces) || s.Namespaces[i] == "" {
		return tables
	}
	var out []*model.RouteTable
	for _, t := range tables {
		if t.Object.Namespace == s.Namespaces[i] {
			out = append(out, t)
		}
	}
	return out
}
