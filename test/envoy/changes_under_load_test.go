package envoy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
)

const (
	changeTime     = 12 * time.Second // of edits under load
	changeServices = 4
	// An acknowledgement comes from the proxy's main thread; its worker has
	// the change a moment later.
	workerLag = 100 * time.Millisecond
)

// TestNoRequestGoesAstrayWhileAllChanges edits at random while requests go on:
// services, subsets, routes, endpoints, policies, limits and telemetry come
// and go. What is there answers every request; what is not, as is declared;
// and nobody ever answers for another.
func TestNoRequestGoesAstrayWhileAllChanges(t *testing.T) {
	c := newChanges(t)
	stop, workers := make(chan struct{}), sync.WaitGroup{}
	for n := range 4 {
		workers.Go(func() { c.load(n, stop) })
	}
	for end := time.Now().Add(changeTime); time.Now().Before(end); {
		c.edit()
	}
	close(stop)
	workers.Wait()
	c.judge()
	for _, stat := range []string{
		"listener_manager.listener_modified", "listener_manager.total_filter_chains_draining",
		"listener_manager.lds.update_rejected", "cluster_manager.cds.update_rejected",
	} {
		if got := serveStat(t, c.proxy, stat); got != "0" {
			t.Errorf("%s is %s", stat, got)
		}
	}
	if nacks, _ := c.plane.since(0, serve.EventNacked); len(nacks) > 0 {
		t.Errorf("refused: %+v", nacks[0])
	}
}

// changes is a proxy under load, and what is declared.
type changes struct {
	t        *testing.T
	w        *world
	plane    *servePlane
	proxy    *harness.Envoy
	compiler *translate.Compiler
	encoder  *serve.Encoder
	edits    int
	state    [changeServices]changingService
	mesh     struct{ policy, telemetry, limit int }

	mu      sync.Mutex
	up      [changeServices][]interval
	answers []judged
}

// changingService is what is declared of a service now.
type changingService struct {
	is     bool
	route  int // 0: none; 1, 2: to that subset; 3: to both
	eps    int // 0: both endpoints; 1: the first one only
	random bool
}

// interval is a time in which a service was surely there.
type interval struct{ from, to time.Time }

// judged is a request's answer.
type judged struct {
	service    int
	from, to   time.Time
	status     int
	who, error string
}

func newChanges(t *testing.T) *changes {
	c := &changes{t: t, w: newWorld(t), compiler: translate.NewCompiler(translate.Options{}), encoder: serve.NewEncoder()}
	c.w.snap.Destinations = nil
	for i := range changeServices {
		for v := range 2 {
			c.w.app(fmt.Sprintf("s%d-v%d", i, v+1), c.w.address(20+10*i+v)+":9080", nil)
		}
		c.state[i].is = true
	}
	r, problems := translate.Translate(c.snapshot(), c.endpoints(), c.w.snap.Workloads[0], translate.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c.plane, c.proxy = translatePlane(t, r)
	for i := range changeServices {
		harness.Until(t, 20*time.Second, "the proxy to serve", func() error {
			if a := c.ask(http.DefaultTransport.(*http.Transport), i); a.status != 200 {
				return fmt.Errorf("%+v", a)
			}
			return nil
		})
	}
	c.publish(true)
	return c
}

func changingHost(i int) string { return fmt.Sprintf("s%d.default.svc.cluster.local", i) }

// snapshot is what is declared now.
func (c *changes) snapshot() *model.Snapshot {
	s := *c.w.snap
	s.Mesh.Retries = model.Retries{} // they would hide what is lost
	s.Services, s.Routes, s.Destinations = s.Services[:1:1], nil, nil
	for i, now := range c.state {
		if !now.is {
			continue
		}
		name, host := fmt.Sprintf("s%d", i), changingHost(i)
		s.Services = append(s.Services, &model.Service{Host: host, Namespace: "default", Name: name, Resolution: model.ResolutionStatic,
			Ports: []model.Port{{Number: 9080, Name: "http", Protocol: model.HTTP}}})
		d := &model.DestinationPolicy{Object: model.Ref{Kind: "DestinationRule", Namespace: "default", Name: name}, Host: host}
		if now.random {
			d.Policy.LoadBalancer = &model.LoadBalancer{Balance: model.Random}
		}
		table := &model.RouteTable{Object: model.Ref{Kind: "VirtualService", Namespace: "default", Name: name}, Hosts: []string{host}, Gateways: []string{model.MeshGateway}}
		route := model.HTTPRoute{Name: "all"}
		for v := 1; v <= 2; v++ {
			if now.route&v == 0 {
				continue
			}
			subset := fmt.Sprintf("v%d", v)
			d.Subsets = append(d.Subsets, model.Subset{Name: subset, Labels: map[string]string{"version": subset}})
			route.Destinations = append(route.Destinations, model.Destination{Host: host, Namespace: "default", Port: 9080, Subset: subset, Weight: 50})
		}
		if now.route > 0 {
			table.HTTP = []model.HTTPRoute{route}
			s.Routes = append(s.Routes, table)
		}
		s.Destinations = append(s.Destinations, d)
	}
	ref := func(kind string) model.Ref { return model.Ref{Kind: kind, Namespace: "default", Name: "n"} }
	if n := c.mesh.policy; n > 0 {
		s.Authorization = []*model.AuthorizationPolicy{{Object: ref("AuthorizationPolicy"), Action: model.Deny,
			Rules: []model.AuthorizationRule{{To: []model.Operation{{Paths: []model.StringMatch{{Kind: model.Exact, Value: fmt.Sprintf("/%d", n)}}}}}}}}
	}
	if n := c.mesh.telemetry; n > 0 {
		s.Telemetry = []*model.TelemetryRule{{Object: ref("TelemetryRule"), Metrics: []model.Metric{{Name: fmt.Sprintf("m%d", n), Kind: model.Counter}}}}
	}
	if n := c.mesh.limit; n > 0 {
		s.Limits = []*model.Limit{{Object: ref("RateLimit"), Name: "l", Requests: uint32(100000 + n), Per: model.Duration(time.Second), Scope: model.ScopeProxy}}
	}
	s.Seal()
	return &s
}

func (c *changes) endpoints() model.Endpoints {
	var out model.Endpoints
	for i, now := range c.state {
		if !now.is {
			continue
		}
		eps := &model.ServiceEndpoints{Service: model.ServiceKey{Host: changingHost(i), Namespace: "default"}}
		for v := range 2 {
			if v == 1 && now.eps == 1 && now.route&2 == 0 {
				continue
			}
			eps.Endpoints = append(eps.Endpoints, model.Endpoint{Address: c.w.address(20 + 10*i + v), Health: model.Healthy, Weight: 1,
				Labels: map[string]string{"version": fmt.Sprintf("v%d", v+1)}})
		}
		out = append(out, eps)
	}
	out.Sort()
	return out
}

// edit changes something at random.
func (c *changes) edit() {
	i := 1 + rand.IntN(changeServices-1) // the first is always there
	switch s := &c.state[i]; rand.IntN(8) {
	case 0, 1:
		if s.is = !s.is; !s.is {
			c.mark(func(list []interval) []interval {
				if n := len(list); n > 0 && list[n-1].to.IsZero() {
					list[n-1].to = time.Now()
				}
				return list
			}, i)
		}
	case 2, 3:
		c.state[rand.IntN(changeServices)].route = rand.IntN(4)
	case 4:
		c.state[rand.IntN(changeServices)].eps = rand.IntN(2)
	case 5:
		c.state[rand.IntN(changeServices)].random = rand.IntN(2) == 0
	case 6:
		c.mesh.policy, c.mesh.limit = rand.IntN(5), rand.IntN(5)
	case 7:
		c.mesh.telemetry = rand.IntN(5)
	}
	c.publish(rand.IntN(3) > 0)
	time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
}

// publish compiles what is declared; when the proxy is waited for, all that is
// there is surely there from then on.
func (c *changes) publish(wait bool) {
	c.edits++
	w := c.w.snap.Workloads[0]
	result := c.compiler.Compile(c.snapshot(), c.endpoints(), []model.Workload{w})[w.ID()]
	var parts []*serve.Part
	for _, p := range result.Parts {
		part, err := c.encoder.Part(p.Set())
		if err != nil {
			c.t.Fatal(err)
		}
		parts = append(parts, part)
	}
	edit := fmt.Sprintf("edit %d", c.edits)
	mark := c.plane.mark()
	c.plane.server.PublishParts(serveNode, parts, serve.Cause{Edit: edit})
	if !wait {
		return
	}
	harness.Until(c.t, 20*time.Second, "the proxy to settle", func() error {
		settled, _ := c.plane.since(mark, serve.EventSettled)
		for _, e := range settled {
			for _, cause := range e.Causes {
				if cause.Edit == edit {
					return nil
				}
			}
		}
		return fmt.Errorf("%+v", c.plane.server.Status())
	})
	for i, now := range c.state {
		if now.is {
			c.mark(func(list []interval) []interval {
				if n := len(list); n == 0 || !list[n-1].to.IsZero() {
					list = append(list, interval{from: time.Now().Add(workerLag)})
				}
				return list
			}, i)
		}
	}
}

func (c *changes) mark(change func([]interval) []interval, i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up[i] = change(c.up[i])
}

// load asks one service after the other until stop.
func (c *changes) load(seed int, stop <-chan struct{}) {
	r := rand.New(rand.NewPCG(1, uint64(seed)))
	proxy := &url.URL{Scheme: "http", Host: c.w.address(2) + ":15001"}
	tr := &http.Transport{Proxy: http.ProxyURL(proxy), MaxIdleConnsPerHost: 1}
	defer tr.CloseIdleConnections()
	for {
		select {
		case <-stop:
			return
		default:
		}
		a := c.ask(tr, r.IntN(changeServices))
		c.mu.Lock()
		c.answers = append(c.answers, a)
		c.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

func (c *changes) ask(tr *http.Transport, i int) judged {
	if tr.Proxy == nil || tr == http.DefaultTransport {
		tr = &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: c.w.address(2) + ":15001"}), DisableKeepAlives: true}
	}
	a := judged{service: i, from: time.Now()}
	res, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Get("http://" + changingHost(i) + ":9080/")
	if a.to = time.Now(); err != nil {
		a.error = err.Error()
		return a
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if a.status = res.StatusCode; err != nil {
		a.error = err.Error()
	}
	var e echo
	_ = json.Unmarshal(body, &e)
	a.who = e.Who
	return a
}

// judge looks at every answer.
func (c *changes) judge() {
	count, wrong := map[int]int{}, 0
	for _, a := range c.answers {
		count[a.status]++
		sure := false
		for _, up := range c.up[a.service] {
			sure = sure || !a.from.Before(up.from) && (up.to.IsZero() || a.to.Before(up.to))
		}
		ok := a.error == ""
		switch a.status {
		case http.StatusOK:
			ok = ok && strings.HasPrefix(a.who, fmt.Sprintf("s%d-", a.service))
		case http.StatusNotFound, http.StatusBadGateway, http.StatusServiceUnavailable:
			ok = ok && !sure
		default:
			ok = false
		}
		if !ok {
			if wrong++; wrong <= 5 {
				c.t.Errorf("asked for s%d (surely there: %t), got %d %q %s", a.service, sure, a.status, a.who, a.error)
			}
		}
	}
	c.t.Logf("%d edits, %d requests: %v, %d wrong", c.edits, len(c.answers), count, wrong)
	if wrong > 0 || c.edits < 50 || count[http.StatusOK] < 500 || count[http.StatusBadGateway] < 10 {
		c.t.Errorf("%d edits, %d requests by status %v, %d wrong: too few, or wrong", c.edits, len(c.answers), count, wrong)
	}
}
