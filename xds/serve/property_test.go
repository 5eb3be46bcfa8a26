package serve

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// drawSet draws a set in which whatever is referred to exists.
func drawSet(t *rapid.T, bad bool) Set {
	set := Set{}
	for _, u := range additionOrder {
		set[u] = map[string]proto.Message{}
	}
	mark := func(label string) string {
		text := fmt.Sprint(rapid.IntRange(0, 2).Draw(t, label))
		if bad && rapid.IntRange(0, 5).Draw(t, label+" is bad") == 0 {
			return "bad" + text
		}
		return text
	}
	var clusters []string
	for i := range 4 {
		if name := fmt.Sprintf("c%d", i); i == 0 || rapid.Bool().Draw(t, name) {
			clusters = append(clusters, name)
			set[TypeCluster][name] = testCluster(name, rapid.IntRange(0, 2).Draw(t, name+" revision"))
			set[TypeEndpoint][name] = say("%d", rapid.IntRange(0, 2).Draw(t, name+" endpoints"))
		}
	}
	for i := range 3 {
		name := fmt.Sprintf("l%d", i)
		if !rapid.Bool().Draw(t, name) {
			continue
		}
		to := fmt.Sprintf("r%d", rapid.IntRange(0, 1).Draw(t, name+" routes"))
		set[TypeListener][name] = say("%s %s", to, mark(name+" revision"))
		set[TypeExtensionConfig][name+"/slot"] = say("slot %s", mark(name+" slot"))
		if set[TypeRouteConfiguration][to] != nil {
			continue
		}
		set[TypeRouteConfiguration][to] = testRoutes(to, mark(to))
		for j := range 3 {
			if host := fmt.Sprintf("%s/h%d:80", to, j); rapid.Bool().Draw(t, host) {
				set[TypeVirtualHost][host] = say("%s %s", rapid.SampledFrom(clusters).Draw(t, host+" cluster"), mark(host))
			}
		}
	}
	return set
}

// world is a server's session and a proxy, and what lies between them.
type world struct {
	t       *rapid.T
	encoder *Encoder
	set     Set
	encoded *encoded
	session *session
	proxy   *proxy
	now     time.Time
}

// publish gives the set in up to three parts, cut anew each time.
func (w *world) publish(set Set) {
	cut := rapid.IntRange(1, 3).Draw(w.t, "parts")
	shift := rapid.IntRange(0, 2).Draw(w.t, "cut")
	sets := make([]Set, cut)
	for u, resources := range set {
		for name, m := range resources {
			i := (len(name) + int(name[len(name)-1]) + shift) % cut
			if sets[i] == nil {
				sets[i] = Set{}
			}
			if sets[i][u] == nil {
				sets[i][u] = map[string]proto.Message{}
			}
			sets[i][u][name] = m
		}
	}
	var parts []*Part
	for _, s := range sets {
		p, err := w.encoder.Part(s)
		if err != nil {
			w.t.Fatal(err)
		}
		parts = append(parts, p)
	}
	w.encoder.Sweep(slices.Values(parts))
	w.set, w.encoded = set, newEncoded(parts, w.encoded)
	if n := w.encoded.count(); n != count(set) {
		w.t.Fatalf("of %d resources %d are published", count(set), n)
	}
	w.session.publish(w.encoded, nil)
	w.drain()
}

func count(set Set) (n int) {
	for _, resources := range set {
		n += len(resources)
	}
	return n
}

// complete checks that candidates leave out no name that needs anything: it
// looks at every name there is.
func (w *world) complete() {
	for _, u := range additionOrder {
		s, ok := w.session.types[u]
		if !ok {
			continue
		}
		g, among := w.encoded.group(u), map[string]bool{}
		for _, name := range s.candidates(g) {
			among[name] = true
		}
		names := append(s.has.names(), slices.Collect(maps.Keys(s.names))...)
		for r := range g.all() {
			names = append(names, r.name)
		}
		for _, name := range names {
			if s.needs(name, g.want(name)) && !among[name] {
				w.t.Fatalf("%s %s is no candidate", short(u), name)
			}
		}
		if s.settled == g {
			for name, d := range s.has.apart {
				if d == g.want(name) && d != absent {
					w.t.Fatalf("%s %s stands apart for nothing", short(u), name)
				}
			}
		}
	}
}

// drain lets the session send all that it may.
func (w *world) drain() {
	for res := w.session.next(w.now); res != nil; res = w.session.next(w.now) {
		m := message(w.t, res)
		w.t.Logf("<< %s %s %v -%v", short(m.TypeUrl), m.Nonce, names(m), m.RemovedResources)
		w.proxy.take(m)
	}
	w.complete()
}

// step brings the proxy's next request to the session.
func (w *world) step() bool {
	req := w.proxy.next()
	if req == nil {
		return false
	}
	w.now = w.now.Add(time.Millisecond)
	w.t.Logf(">> %s %s +%v -%v %v", short(req.TypeUrl), req.ResponseNonce, req.ResourceNamesSubscribe, req.ResourceNamesUnsubscribe, req.ErrorDetail.GetMessage())
	w.session.request(req, w.now)
	w.drain()
	return true
}

func (w *world) reconnect() {
	w.session = newSession("proxy")
	w.proxy.connect()
	if w.encoded != nil {
		w.session.publish(w.encoded, nil)
	}
}

// settled checks that the proxy has all it should, and no more.
func (w *world) settled() {
	for n := 0; w.step(); n++ {
		if n > 10_000 {
			w.t.Fatal("it never ends")
		}
	}
	if w.proxy.held != nil {
		w.t.Fatalf("clusters stay warming: %v", w.proxy.warming)
	}
	for _, u := range additionOrder {
		g := w.encoded.group(u)
		for r := range g.all() {
			name := r.name
			_, refused := w.session.types[u].refusedName(name)
			if !w.wanted(u, name) || refused {
				continue
			}
			if got := w.proxy.has[u][name]; got.GetVersion() != r.digest.String() {
				w.t.Fatalf("%s %s: the proxy has %v", short(u), name, got)
			}
		}
		for name := range w.proxy.has[u] {
			if g.want(name) == absent && !w.kept(u, name) {
				w.t.Fatalf("%s %s should be gone", short(u), name)
			}
		}
	}
	for name := range w.proxy.has[TypeRouteConfiguration] {
		refusals := 0
		if hosts, ok := w.session.types[TypeVirtualHost]; ok {
			refusals = len(hosts.refused)
		}
		if w.encoded.group(TypeRouteConfiguration).want(name) != absent && !w.proxy.heard[name] && refusals == 0 {
			w.t.Fatalf("the proxy never heard of virtual hosts of %s", name)
		}
	}
}

// refusedName finds a refusal, also where nothing was ever asked.
func (s *subscription) refusedName(name string) (refusal, bool) {
	if s == nil {
		return refusal{}, false
	}
	r, ok := s.refused[name]
	return r, ok
}

// wanted tells whether the proxy's listeners and clusters lead to the name.
func (w *world) wanted(u, name string) bool {
	switch u {
	case TypeCluster, TypeListener:
		return true
	case TypeVirtualHost:
		return w.proxy.has[TypeRouteConfiguration][routeConfigurationOf(name)] != nil
	}
	return w.proxy.wants[u][name]
}

// kept tells whether a resource that is no more may stay: what the proxy
// drops by itself, and what a refused resource's last good version may need.
func (w *world) kept(u, name string) bool {
	if droppedByProxy(u) || u == TypeVirtualHost && w.encoded.group(TypeRouteConfiguration).want(routeConfigurationOf(name)) == absent {
		return true
	}
	for _, t := range w.session.types {
		if len(t.refused) > 0 {
			return true
		}
	}
	return false
}

func TestAnyHistoryConverges(t *testing.T) {
	for name, bad := range map[string]bool{"all good": false, "some refused": true} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { history(t, bad) }) })
	}
}

// history draws sets, delays and reconnections; the proxy complains of
// whatever is wrong on the way.
func history(t *rapid.T, bad bool) {
	w := &world{t: t, encoder: NewEncoder(), session: newSession("proxy"), proxy: newProxy(t.Fatalf), now: time.Unix(0, 0)}
	if bad {
		w.proxy.refuses = func(text string) bool { return strings.Contains(text, "bad") }
	}
	w.publish(drawSet(t, bad))
	for range rapid.IntRange(1, 8).Draw(t, "edits") {
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			w.step()
		}
		if rapid.IntRange(0, 6).Draw(t, "reconnect") == 0 {
			w.reconnect()
		}
		w.publish(drawSet(t, bad))
	}
	w.settled()
	before := w.proxy.got
	if !bad {
		w.reconnect()
		w.settled()
		if w.proxy.got != before {
			t.Fatalf("%d resources were sent again after a reconnection", w.proxy.got-before)
		}
	}
}

func (e *encoded) count() (n int) {
	for _, g := range e.groups {
		n += g.count()
	}
	return n
}
