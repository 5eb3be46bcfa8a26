package envoy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	internallistenerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/bootstrap/internal_listener/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// world is a small mesh around one real proxy: page is the workload whose
// sidecar is tested, reviews v1 to v3 are what it calls, edge is a gateway.
type world struct {
	t       *testing.T
	network string
	snap    *model.Snapshot
	eps     model.Endpoints
	seen    atomic.Int64 // requests that reached an upstream
}

// echo is what every upstream answers: what it saw.
type echo struct {
	Who, Method, Path, Host, From, Proto string
	Headers                              http.Header
}

const reviewsHost = "reviews.default.svc.cluster.local"

func newWorld(t *testing.T) *world {
	w := &world{t: t, network: translateNetwork(t)}
	app := w.app("page", "127.0.0.1:0", nil)
	_, port, _ := net.SplitHostPort(app)
	appPort, _ := strconv.Atoi(port)
	service := func(name string, port model.Port) *model.Service {
		return &model.Service{Host: name + ".default.svc.cluster.local", Namespace: "default", Name: name,
			Ports: []model.Port{port}, Resolution: model.ResolutionStatic}
	}
	httpPort := model.Port{Number: 9080, Name: "http", Protocol: model.HTTP}
	w.snap = &model.Snapshot{
		Mesh: model.Mesh{Name: "m", Domain: "cluster.local", TrustDomain: harness.TrustDomain, RootNamespace: "istio-system", NormalizePath: true, Retries: model.Retries{Attempts: 2}},
		Workloads: []model.Workload{
			{Namespace: "default", Name: "page-v1", Labels: map[string]string{"app": "page"}, Address: w.address(2),
				Service: "page.default.svc.cluster.local",
				Ports:   []model.WorkloadPort{{Number: 9080, AppPort: uint32(appPort), Name: "http", Protocol: model.HTTP}}},
			{Namespace: "istio-system", Name: "edge", Labels: map[string]string{"istio": "ingressgateway"}, Address: w.address(1), Gateway: true,
				Ports: []model.WorkloadPort{{Number: 80, AppPort: 8080, Name: "http", Protocol: model.HTTP}}},
		},
		Services: []*model.Service{service("page", httpPort), service("reviews", httpPort)},
	}
	w.eps = model.Endpoints{{Service: model.ServiceKey{Host: reviewsHost, Namespace: "default"}}}
	for i, v := range []string{"v1", "v2", "v3"} {
		at := w.address(3 + i)
		w.app(v, at+":9080", nil)
		w.eps[0].Endpoints = append(w.eps[0].Endpoints, model.Endpoint{Address: at, Health: model.Healthy, Weight: 1,
			Labels: map[string]string{"version": v}, Workload: "default/reviews-" + v})
	}
	w.snap.Destinations = []*model.DestinationPolicy{{Object: model.Ref{Kind: "DestinationRule", Namespace: "default", Name: "reviews"}, Host: reviewsHost,
		Subsets: []model.Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}, {Name: "v2", Labels: map[string]string{"version": "v2"}}, {Name: "v3", Labels: map[string]string{"version": "v3"}}}}}
	return w
}

func (w *world) address(n int) string { return fmt.Sprintf("%s0.%d", w.network, n) }

// app runs a server that speaks HTTP/1.1 and h2c, and gives its address. A nil
// handler echoes.
func (w *world) app(who, at string, h http.Handler) string {
	w.t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		w.t.Fatal(err)
	}
	if h == nil {
		h = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.seen.Add(1)
			if status := r.Header.Get("x-answer"); status != "" {
				code, _ := strconv.Atoi(status)
				rw.WriteHeader(code)
			}
			from, _, _ := net.SplitHostPort(r.RemoteAddr)
			_ = json.NewEncoder(rw).Encode(echo{Who: who, Method: r.Method, Path: r.RequestURI, Host: r.Host, From: from, Proto: r.Proto, Headers: r.Header})
		})
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, Protocols: new(http.Protocols)}}
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	w.t.Cleanup(s.Close)
	return l.Addr().String()
}

// start runs the proxy of a workload from its static form.
func (w *world) start(workload string, o translate.Options, policyd string) *harness.Envoy {
	w.t.Helper()
	w.snap.Seal()
	admin := harness.FreePort(w.t)
	w.eps.Sort()
	c := translateCase{Workload: workload, Snapshot: w.snap, Endpoints: w.eps}
	return harness.StartEnvoy(w.t, staticBootstrap(w.t, c, o, translateBase(admin, policyd, "")), admin)
}

// translatePlane runs an Envoy that gets its resources over delta ADS. It
// starts with a first set: without one it would wait for it for its time.
func translatePlane(t *testing.T, first translate.Resources) (*servePlane, *harness.Envoy) {
	return translatePlaneWith(t, first, "")
}

// translatePlaneWith is one whose proxy sends its records to a socket, too.
func translatePlaneWith(t *testing.T, first translate.Resources, als string) (*servePlane, *harness.Envoy) {
	return translatePlaneAs(t, first, als, nil)
}

// translatePlaneAs is one whose proxy has another identity than the usual; nil:
// the usual.
func translatePlaneAs(t *testing.T, first translate.Resources, als string, as *harness.Identity) (*servePlane, *harness.Envoy) {
	plane := newServePlane(t)
	admin := harness.FreePort(t)
	ads := daemonCluster("krater-controlplane", plane.socket)
	b := translateBase(admin, "", als)
	b.Node.Id = serveNode
	b.StaticResources.Clusters = append(b.StaticResources.Clusters, ads)
	from := &corev3.ConfigSource{ResourceApiVersion: corev3.ApiVersion_V3, ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}}}
	b.DynamicResources = &bootstrapv3.Bootstrap_DynamicResources{
		CdsConfig: from, LdsConfig: from,
		AdsConfig: &corev3.ApiConfigSource{ApiType: corev3.ApiConfigSource_DELTA_GRPC, TransportApiVersion: corev3.ApiVersion_V3,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: ads.Name}}}}},
	}
	internal, err := anypb.New(&internallistenerv3.InternalListener{})
	if err != nil {
		t.Fatal(err)
	}
	b.BootstrapExtensions = []*corev3.TypedExtensionConfig{{Name: "envoy.bootstrap.internal_listener", TypedConfig: internal}}
	text, err := translate.BootstrapJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	plane.send("start", first.Set())
	if as != nil {
		return plane, harness.StartEnvoyAs(t, as, text, fmt.Sprintf("http://127.0.0.1:%d", admin))
	}
	return plane, harness.StartEnvoy(t, text, admin)
}

// page is the sidecar's explicit proxy, as HTTP_PROXY has it.
func (w *world) proxied() *http.Client {
	proxy := &url.URL{Scheme: "http", Host: w.address(2) + ":15001"}
	return client(&http.Transport{Proxy: http.ProxyURL(proxy)})
}

func client(tr *http.Transport) *http.Client {
	tr.DisableKeepAlives = true
	return &http.Client{Transport: tr, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is a response, read.
type answer struct {
	*http.Response
	echo echo
	body string
}

// do sends a request: "METHOD URL", then "header: value" lines.
func do(t testing.TB, c *http.Client, request string, headers ...string) answer {
	t.Helper()
	method, target, _ := strings.Cut(request, " ")
	r, err := http.NewRequest(method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		switch {
		case name == "":
		case strings.EqualFold(name, "host"):
			r.Host = strings.TrimSpace(value)
		default:
			r.Header.Set(name, strings.TrimSpace(value))
		}
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	a := answer{Response: res, body: string(body)}
	_ = json.Unmarshal(body, &a.echo)
	return a
}

// noOptions are those of a world without Wasm.
var noOptions translate.Options

func policySetOf(snap *model.Snapshot, w model.Workload) string { return translate.PolicySet(snap, w) }

// freeAppPort makes page a TCP service at 3306, and gives its application's port.
func (w *world) freeAppPort() int {
	port := harness.FreePort(w.t)
	w.snap.Workloads[0].Ports = []model.WorkloadPort{{Number: 3306, AppPort: uint32(port), Name: "tcp", Protocol: model.TCP}}
	return port
}

// resources translates the world for page.
func (w *world) resources() translate.Resources {
	w.t.Helper()
	w.snap.Seal()
	workload, _ := w.snap.Workload("page-v1")
	r, problems := translate.Translate(w.snap, w.eps, workload, noOptions)
	if len(problems) > 0 {
		w.t.Fatal(problems)
	}
	return r
}
