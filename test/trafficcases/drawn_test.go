package trafficcases_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/test/draw"
	"github.com/krater-mesh/krater/test/trafficcases"
)

// TestDrawnObjects draws valid objects of Istio's networking kinds that go
// together, gives them to real proxies and sends requests: nothing panics,
// no proxy refuses anything, and package explain knows what becomes of each
// request. $KRATER_DRAWS and $KRATER_SEED draw more, or others.
func TestDrawnObjects(t *testing.T) {
	f := newDrawing(t)
	n, seed, failed := number(t, "KRATER_DRAWS", 60), uint64(number(t, "KRATER_SEED", 1)), 0
	for i := range n {
		d := draw.New(seed, i)
		objects, requests := d.Objects(f.shop), f.requests(d)
		what := f.fails(objects, requests)
		if what == "" {
			continue
		}
		objects = f.shrink(objects, requests, what)
		t.Errorf("seed %d, draw %d: %s\n%s", seed, i, f.fails(objects, requests), documents(t, objects))
		if failed++; failed == 5 {
			break // one cause has many cases
		}
	}
	t.Logf("%d draws, %d requests, answered by status: %v", n, f.sent, f.statuses)
	if n >= 50 && failed == 0 && (f.statuses["200"] < f.sent/10 || len(f.statuses) < 5) {
		t.Error("what is drawn tests too little")
	}
}

// drawing is a world that gets drawn objects.
type drawing struct {
	*world
	shop     draw.World
	sent     int
	statuses map[string]int
	resolved map[string][]string // what names of drawn entries are
}

func newDrawing(t *testing.T) *drawing {
	f := &drawing{world: newWorld(t), shop: draw.Shop(), statuses: map[string]int{}}
	f.resolved = map[string][]string{}
	for _, name := range []string{"entry0.example.com", "e2ntry0.example.com", "x.entry0.example.com", "entry1.example.com", "e2ntry1.example.com", "x.entry1.example.com", "localhost"} {
		f.resolved[name] = []string{f.local("127.80.0.91")}
	}
	file := func(name string) string { return f.certs.fill(fmt.Sprintf("{{file %q}}", name)) }
	f.shop.Secrets = []string{"shop-cert"}
	plain := f.build(t, firstGateway, nil)
	for _, name := range []string{"web", "batch", "edge"} { // each starts with what is surely good
		w, _ := plain.Snapshot.Workload(name)
		set, _ := f.translated(plain, w)
		f.proxy(w, set)
	}
	f.shop.Certificate, f.shop.Key, f.shop.CA = file("shop.example.com.crt"), file("shop.example.com.key"), file("ca.crt")
	return f
}

// firstGateway gives the gateway's proxy something to start with.
const firstGateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: first}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
`

// secrets are those that drawn objects name, in the namespaces that may.
const secrets = `
apiVersion: v1
kind: Secret
metadata: {name: shop-cert, namespace: %s}
type: kubernetes.io/tls
data:
  tls.crt: {{base64 "shop.example.com.crt"}}
  tls.key: {{base64 "shop.example.com.key"}}
  ca.crt: {{base64 "ca.crt"}}
---
`

// requests are what two callers and the outside ask of any drawn objects.
func (f *drawing) requests(d draw.Drawer) (out []trafficcases.Request) {
	of := func(texts ...string) string { return texts[d.IntN(len(texts))] }
	for range 8 {
		r := trafficcases.Request{From: of("web", "web", "batch", "edge", "edge"), Headers: trafficcases.Headers{}}
		host := of("reviews.default:9080", "reviews.default:9080", "ratings.default:9080", "details.default", "payments.ops:8080", "details.default:8443",
			"entry0.example.com", "x.entry0.example.com", "entry1.example.com", "shop.example.com")
		if r.From == "edge" {
			host = of("shop.example.com", "x.shop.example.net", "reviews.default.svc.cluster.local", "other.example.com") + of("", ":8090")
		}
		path := of("/", "/a", "/A", "/a/b", "/api/x", "/ab", "/a/1", "/~a", "/x.b/y", "/a.b") + of("", "", "?q=a", "?debug", "?q=1&debug=A")
		r.Send = of("GET", "GET", "POST", "HEAD") + " http://" + host + path
		for range d.IntN(3) {
			r.Headers[of("x-a", "x-b", "cookie", "x-d")] = of("a", "A", "1", "b", "a,b", "")
		}
		out = append(out, r)
	}
	return out
}

// fails says what is wrong with the objects, "" if nothing is.
func (f *drawing) fails(objects []any, requests []trafficcases.Request) (what string) {
	defer func() {
		if r := recover(); r != nil {
			what = fmt.Sprintf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	b := f.build(f.t, documents(f.t, objects)+fmt.Sprintf("\n---"+secrets+secrets, "default", "istio-system"), nil)
	real := callers(f.t, trafficcases.Case{Requests: requests}, b.Snapshot)
	f.names.set(f.resolved)
	f.listen(b, real, f.resolved, []string{"80", "443", "8080"})
	for _, w := range real {
		set, _ := f.translated(b, w)
		if refused := f.proxy(w, set).publish(f.t, set); len(refused) > 0 {
			return fmt.Sprintf("the proxy of %s refuses %s", w.ID(), strings.Join(refused, "\n"))
		}
	}
	for _, r := range requests {
		if what = f.disagrees(b, r); what != "" {
			if what = f.disagrees(b, r); what != "" { // not by chance
				return what
			}
		}
	}
	return ""
}

// disagrees sends a request and asks explain.
func (f *drawing) disagrees(b built, r trafficcases.Request) string {
	from, _ := b.Snapshot.Workload(r.From)
	c, err := newCaller(f.world, b.Snapshot, from, r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer c.close()
	f.world.sent++
	id := fmt.Sprintf("d%d.", f.world.sent)
	a := c.send(id)
	if a.err != nil || a.headers.Get("x-told-details") == "" {
		return "" // no such listener, or one that sees no requests
	}
	f.sent++
	f.statuses[strconv.Itoa(a.status)]++
	errs := f.explained(b, c, id, a)
	if len(errs) == 0 || unknowable(a) {
		return ""
	}
	return fmt.Sprintf("%s from %s with %v:\n\t%s\n\tthe answer: %s", r.Send, r.From, r.Headers, strings.Join(errs, "\n\t"), describe(a))
}

// unknowable tells of an answer that comes from how an upstream, or DNS, behaves.
func unknowable(a answer) bool {
	if strings.HasPrefix(a.headers.Get("x-told-details"), "dns_resolution_failure") {
		return true
	}
	return slices.Contains([]string{"UF", "UO", "UC", "UT", "URX", "LR", "DF", "UF,URX", "UO,URX", "UT,URX", "URX,UT", "URX,UF", "UPE"}, a.headers.Get("x-told-flags"))
}

// shrink leaves out objects that the failure does not need.
func (f *drawing) shrink(objects []any, requests []trafficcases.Request, _ string) []any {
	for i := len(objects) - 1; i >= 0; i-- {
		fewer := slices.Delete(slices.Clone(objects), i, i+1)
		if len(fewer) > 0 && f.fails(fewer, requests) != "" {
			objects = fewer
		}
	}
	return objects
}

func documents(t *testing.T, objects []any) string {
	t.Helper()
	var out strings.Builder
	for _, o := range objects {
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n" + string(text))
	}
	return out.String()
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}
