package envoy_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"google.golang.org/grpc"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// peersWorld is a mesh of real proxies with identities: page calls api, and
// beside it what has no proxy; edge is the way in from outside. Only page may
// call api, but for /open.
type peersWorld struct {
	*world
	logs map[string]*recordsByID // by workload
	sent int
}

const apiHost = "api.shop.svc.cluster.local"

func newPeersWorld(t *testing.T, proxies ...string) *peersWorld {
	p := &peersWorld{world: &world{t: t, network: translateNetwork(t)}, logs: map[string]*recordsByID{}}
	app, database := portOf(t, p.app("api", "127.0.0.1:0", nil)), echoBytes(t)
	httpPort := model.Port{Number: 9080, Name: "http", Protocol: model.HTTP}
	service := func(name string, external bool, eps ...model.Endpoint) {
		host := name + ".shop.svc.cluster.local"
		if external {
			host = name
		}
		s := &model.Service{Host: host, Namespace: "shop", Name: name, Ports: []model.Port{httpPort}, Resolution: model.ResolutionStatic, External: external}
		p.snap.Services = append(p.snap.Services, s)
		p.eps = append(p.eps, &model.ServiceEndpoints{Service: s.Key(), Endpoints: eps})
	}
	workload := func(name, account string, address int, labels map[string]string) model.Workload {
		return model.Workload{Object: model.Ref{Kind: "Mesh", Name: "m"}, Namespace: "shop", Name: name, ServiceAccount: account, Address: p.address(address), Labels: labels}
	}
	page, api := workload("page-v1", "page", 2, map[string]string{"app": "page", "version": "v1"}), workload("api-v2", "api", 3, map[string]string{"app": "api", "version": "v2"})
	api.Service = apiHost
	api.Ports = []model.WorkloadPort{{Number: 9080, AppPort: app, Name: "http", Protocol: model.HTTP}, {Number: 3306, AppPort: database, Name: "tcp", Protocol: model.TCP}}
	edge := workload("edge", "edge", 1, map[string]string{"istio": "ingressgateway"})
	edge.Gateway, edge.Ports = true, []model.WorkloadPort{{Number: 80, AppPort: 8080, Name: "http", Protocol: model.HTTP}, {Number: 443, AppPort: 8443, Name: "https", Protocol: model.HTTPS}}
	p.snap = &model.Snapshot{
		Mesh: model.Mesh{Name: "m", Domain: "cluster.local", TrustDomain: harness.TrustDomain, RootNamespace: "istio-system", NormalizePath: true, AccessLog: true,
			Retries: model.Retries{Attempts: 3, RetryOn: []string{"connect-failure"}}},
		Workloads: []model.Workload{api, edge, page},
		Authorization: []*model.AuthorizationPolicy{{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "shop", Name: "only-page"}, Action: model.Allow,
			Selector: model.Selector{Namespace: "shop", Labels: map[string]string{"app": "api"}},
			Rules:    []model.AuthorizationRule{{From: []model.Source{{ServiceAccounts: []string{"shop/page"}}}}, operation(model.Operation{Paths: strs(model.Exact, "/open")})}}},
	}
	ofAPI := model.Endpoint{Address: api.Address, Labels: api.Labels, Workload: api.ID(), ServiceAccount: "api", Health: model.Healthy, Weight: 1, MTLS: true}
	plain := func(who string, n int) model.Endpoint {
		p.app(who, p.address(n)+":9080", nil)
		return model.Endpoint{Address: p.address(n), Workload: "shop/" + who, Health: model.Healthy, Weight: 1}
	}
	dead := ofAPI
	dead.Address = p.address(66) // nobody listens
	service("api", false, ofAPI)
	service("legacy", false, plain("legacy", 7))
	service("mixed", false, dead, plain("other", 8))
	outside := plain("outside", 9)
	outside.Workload = ""
	service("www.example.com", true, outside)
	p.eps.Sort()
	for _, name := range proxies {
		p.run(name)
	}
	return p
}

// run starts a workload's proxy, with its identity.
func (p *peersWorld) run(name string) {
	t := p.t
	w, _ := p.snap.Workload(name)
	p.snap.Seal()
	r, problems := translate.Translate(p.snap, p.eps, w, noOptions)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	p.logs[name] = &recordsByID{got: map[string]*accesslogdata.HTTPAccessLogEntry{}}
	translatePlaneAs(t, r, serveRecords(t, p.logs[name]), harness.NewIdentity(t, w))
}

// serveRecords is an access log service on a socket.
func serveRecords(t *testing.T, log *recordsByID) (socket string) {
	dir, err := os.MkdirTemp("", "kr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "als.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	accesslogv3.RegisterAccessLogServiceServer(server, log)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return socket
}

// connection waits for the record of a connection that somebody made.
func (p *peersWorld) connection(proxy, principal string) map[string]string {
	p.t.Helper()
	var found map[string]string
	harness.Until(p.t, 20*time.Second, "the record of a connection by "+principal, func() error {
		l := p.logs[proxy]
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, e := range l.connections {
			if tags := e.GetCommonProperties().GetCustomTags(); strings.TrimPrefix(tags["krater.source.principal"], "-") == principal {
				found = tags
				return nil
			}
		}
		return fmt.Errorf("%d records", len(l.connections))
	})
	return found
}

// tags are those of the record that a proxy has of a request.
func (p *peersWorld) tags(proxy, id string) map[string]string {
	p.t.Helper()
	return p.logs[proxy].of(p.t, id).GetCommonProperties().GetCustomTags()
}

// id names the next request.
func (p *peersWorld) id() string {
	p.sent++
	return fmt.Sprintf("peer-%d", p.sent)
}

// member is a client with a certificate of the mesh, and no proxy: it may say
// what it likes.
func member(t *testing.T, w model.Workload, change func(*x509.Certificate)) *tls.Config {
	t.Helper()
	m := harness.SharedAuthority(t).Issue(t, w, change)
	c, err := tls.X509KeyPair(m.Chain, m.Key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}, NextProtos: []string{"istio", "http/1.1"}, InsecureSkipVerify: true}
}

// as gives an HTTP client of a TLS configuration, which speaks HTTP/1.1.
func as(c *tls.Config) *http.Client {
	return client(&http.Transport{TLSClientConfig: c, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}})
}

// echoes tells whether what is written to a port comes back.
func (p *peersWorld) echoes(port int, c *tls.Config) bool {
	p.t.Helper()
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", p.address(3), port), 5*time.Second)
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	if c != nil {
		conn = tls.Client(conn, c)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write([]byte("ping\n")); err != nil {
		return false
	}
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return line == "ping\n"
}

// echoBytes is an application of connections.
func echoBytes(t *testing.T) uint32 {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if line, err := bufio.NewReader(c).ReadString('\n'); err == nil {
					_, _ = c.Write([]byte(line))
				}
			}()
		}
	}()
	return uint32(l.Addr().(*net.TCPAddr).Port)
}

func portOf(t *testing.T, address string) uint32 {
	u, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(u.Port)
}

func spiffeURL(t *testing.T, text string) []*url.URL {
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return []*url.URL{u}
}
