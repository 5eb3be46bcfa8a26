package envoy_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

const peerHeader = "x-krater-peer"

// lie is a header that says: version evil.
func lie(t *testing.T) string {
	v, err := structpb.NewValue(map[string]any{"version": "evil", "labels": map[string]any{"app": "evil"}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return peerHeader + ": " + base64.StdEncoding.EncodeToString(b)
}

// wantPeer holds a record's tags to what is wanted; "" is none, or not known.
func wantPeer(t *testing.T, what string, tags, want map[string]string) {
	t.Helper()
	for name, v := range want {
		got := tags[name]
		if got == "-" || got == "unknown" {
			got = ""
		}
		if got != v {
			t.Errorf("%s: %s is %q, want %q", what, name, tags[name], v)
		}
	}
}

// unseen fails where an application sees the header.
func unseen(t *testing.T, what string, a answer, status int) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s: %d %s, want %d", what, a.StatusCode, a.body, status)
	}
	if seen := a.echo.Headers.Values(peerHeader); len(seen) > 0 {
		t.Errorf("%s: the application sees %q", what, seen)
	}
}

// TestPeersKnowEachOther: both sides of a call, by what each can prove, also
// where the application itself sends the header.
func TestPeersKnowEachOther(t *testing.T) {
	p := newPeersWorld(t, "page-v1", "api-v2")
	for _, headers := range [][]string{nil, {lie(t)}} {
		id := p.id()
		unseen(t, "by the sidecar", do(t, p.proxied(), "GET http://"+apiHost+":9080/", append(headers, "x-request-id: "+id)...), http.StatusOK)
		wantPeer(t, "the called side", p.tags("api-v2", id), map[string]string{
			"krater.source.principal": "cluster.local/ns/shop/sa/page", "krater.source.namespace": "shop", "krater.source.service_account": "page",
			"krater.source.workload": "page-v1", "krater.source.version": "v1"})
		wantPeer(t, "the calling side", p.tags("page-v1", id), map[string]string{
			"krater.destination.workload": "api-v2", "krater.destination.namespace": "shop", "krater.destination.service_account": "api",
			"krater.destination.version": "v2", "krater.destination.principal": "spiffe://cluster.local/ns/shop/sa/api"})
	}
	// Nothing goes to who has no proxy, or is outside, also when the call was
	// to go to a member first: what was added for one attempt is gone at the next.
	for range 8 {
		for _, host := range []string{"legacy.shop.svc.cluster.local:9080", "www.example.com:9080", "mixed.shop.svc.cluster.local:9080"} {
			unseen(t, host, do(t, p.proxied(), "GET http://"+host+"/", lie(t)), http.StatusOK)
		}
	}
}

// TestNobodyIsBelievedWithoutACertificate: clients in plain text, and members
// whose own word is not what their certificate says.
func TestNobodyIsBelievedWithoutACertificate(t *testing.T) {
	p := newPeersWorld(t, "api-v2")
	mallory := model.Workload{Namespace: "default", Name: "mallory", ServiceAccount: "mallory"}
	page, _ := p.snap.Workload("page-v1")
	at := p.address(3) + ":9080"
	for what, c := range map[string]struct {
		client *http.Client
		scheme string
		status int // of what only page may call
		want   map[string]string
	}{
		"a client in plain text": {client(&http.Transport{}), "http", http.StatusForbidden, map[string]string{
			"krater.source.principal": "", "krater.source.workload": "", "krater.source.version": ""}},
		"a member that lies": {as(member(t, mallory, nil)), "https", http.StatusForbidden, map[string]string{
			"krater.source.principal": "cluster.local/ns/default/sa/mallory", "krater.source.workload": "mallory", "krater.source.version": "evil"}},
		"a member whose names disagree": {as(member(t, mallory, func(c *x509.Certificate) { c.DNSNames = []string{page.DNSName("cluster.local")} })), "https",
			http.StatusForbidden, map[string]string{
				"krater.source.principal": "cluster.local/ns/default/sa/mallory", "krater.source.namespace": "default", "krater.source.workload": ""}},
		"a member of another form": {as(member(t, mallory, func(c *x509.Certificate) { c.URIs = spiffeURL(t, "spiffe://cluster.local/db/page") })), "https",
			http.StatusForbidden, map[string]string{"krater.source.principal": "", "krater.source.namespace": "", "krater.source.workload": ""}},
		"page itself": {as(member(t, page, nil)), "https", http.StatusOK, map[string]string{"krater.source.workload": "page-v1"}},
	} {
		unseen(t, what, do(t, c.client, "GET "+c.scheme+"://"+at+"/", lie(t)), c.status)
		id := p.id()
		unseen(t, what, do(t, c.client, "GET "+c.scheme+"://"+at+"/open", lie(t), "x-request-id: "+id), http.StatusOK)
		wantPeer(t, what, p.tags("api-v2", id), c.want)
		metadata := p.logs["api-v2"].of(t, id).GetCommonProperties().GetMetadata().GetFilterMetadata()
		if _, read := metadata["krater.peer"]; read != (c.scheme == "https") {
			t.Errorf("%s: the header was read: %v", what, read)
		}
	}
	// What is no peer's word at all says nothing, and goes as well.
	for _, header := range []string{"!!", "QUJD", base64.StdEncoding.EncodeToString(make([]byte, 20<<10))} {
		id := p.id()
		unseen(t, "no peer's word", do(t, as(member(t, page, nil)), "GET https://"+at+"/", peerHeader+": "+header, "x-request-id: "+id), http.StatusOK)
		wantPeer(t, "no peer's word", p.tags("api-v2", id), map[string]string{"krater.source.version": "", "krater.source.workload": "page-v1"})
	}
}

// TestConnectionsAreOfCertificates: the same rule where no requests are seen.
func TestConnectionsAreOfCertificates(t *testing.T) {
	p := newPeersWorld(t, "api-v2")
	page, _ := p.snap.Workload("page-v1")
	mallory := model.Workload{Namespace: "default", Name: "mallory", ServiceAccount: "page"}
	for what, c := range map[string]struct {
		config *tls.Config
		passes bool
	}{
		"page": {member(t, page, nil), true}, "an account of its name elsewhere": {member(t, mallory, nil), false}, "plain text": {nil, false},
	} {
		if got := p.echoes(3306, c.config); got != c.passes {
			t.Errorf("%s: passes %v, want %v", what, got, c.passes)
		}
	}
	for principal, workload := range map[string]string{"cluster.local/ns/shop/sa/page": "page-v1", "cluster.local/ns/default/sa/page": "mallory", "": ""} {
		wantPeer(t, "a connection", p.connection("api-v2", principal), map[string]string{"krater.source.workload": workload, "krater.direction": "inbound"})
	}
}

// TestNoSessionIsResumed: Envoy verifies no client of a resumed one, and
// would not match its principal.
func TestNoSessionIsResumed(t *testing.T) {
	p := newPeersWorld(t, "api-v2")
	page, _ := p.snap.Workload("page-v1")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := member(t, page, nil)
		c.ClientSessionCache, c.ServerName, c.MaxVersion = tls.NewLRUClientSessionCache(4), "api", version
		for range 3 {
			a := do(t, as(c), "GET https://"+p.address(3)+":9080/")
			if a.StatusCode != http.StatusOK || a.TLS.DidResume {
				t.Errorf("TLS %x: %d, resumed %v", version, a.StatusCode, a.TLS.DidResume)
			}
		}
	}
}

// TestAGatewayTakesNobodysWord: a client's header ends at the gateway, which
// calls as itself.
func TestAGatewayTakesNobodysWord(t *testing.T) {
	p := newPeersWorld(t)
	p.snap.Gateways = []*model.Gateway{{Object: model.Ref{Kind: "Gateway", Namespace: "shop", Name: "gw"}, Selector: model.Selector{Labels: map[string]string{"istio": "ingressgateway"}},
		Servers: []model.GatewayServer{{Port: 80, Protocol: model.HTTP, Hosts: []string{"*"}, Namespaces: []string{""}}}}}
	p.snap.Routes = []*model.RouteTable{{Object: model.Ref{Kind: "VirtualService", Namespace: "shop", Name: "api"}, Hosts: []string{"*"}, Gateways: []string{"shop/gw"},
		HTTP: []model.HTTPRoute{{Name: "r", Destinations: []model.Destination{{Host: apiHost, Port: 9080, Weight: 100}}}}}}
	p.run("api-v2")
	p.run("edge")
	id := p.id()
	unseen(t, "by the gateway", do(t, client(&http.Transport{}), "GET http://"+p.address(1)+":8080/open", lie(t), "x-request-id: "+id), http.StatusOK)
	wantPeer(t, "the called side", p.tags("api-v2", id), map[string]string{
		"krater.source.principal": "cluster.local/ns/shop/sa/edge", "krater.source.workload": "edge", "krater.source.version": ""})
	unseen(t, "what the gateway may not call", do(t, client(&http.Transport{}), "GET http://"+p.address(1)+":8080/", lie(t)), http.StatusForbidden)
}

// TestAGatewaysClientsAreOfCertificates: who a client is by one that the
// server's authority gave, also when it comes back with a session.
func TestAGatewaysClientsAreOfCertificates(t *testing.T) {
	p := newPeersWorld(t)
	authority := harness.SharedAuthority(t)
	own := authority.Issue(t, model.Workload{Namespace: "shop", Name: "web"}, func(c *x509.Certificate) { c.DNSNames = []string{"web.test"} })
	p.snap.Secrets = []*model.Secret{{Object: model.Ref{Kind: "Secret", Namespace: "shop", Name: "web"}, Certificate: own.Chain, PrivateKey: own.Key, CA: authority.Root}}
	p.snap.Gateways = []*model.Gateway{{Object: model.Ref{Kind: "Gateway", Namespace: "shop", Name: "gw"}, Selector: model.Selector{Labels: map[string]string{"istio": "ingressgateway"}},
		Servers: []model.GatewayServer{{Port: 443, Protocol: model.HTTPS, Hosts: []string{"*"}, Namespaces: []string{""}, TLS: &model.ServerTLS{Mode: model.TLSMutual, Credentials: []string{"web"}}}}}}
	p.snap.Routes = []*model.RouteTable{{Object: model.Ref{Kind: "VirtualService", Namespace: "shop", Name: "out"}, Hosts: []string{"*"}, Gateways: []string{"shop/gw"},
		HTTP: []model.HTTPRoute{{Name: "r", Destinations: []model.Destination{{Host: "legacy.shop.svc.cluster.local", Port: 9080, Weight: 100}}}}}}
	p.snap.Authorization = append(p.snap.Authorization, &model.AuthorizationPolicy{Object: model.Ref{Kind: "AuthorizationPolicy", Namespace: "shop", Name: "not-mallory"}, Action: model.Deny,
		Selector: model.Selector{Namespace: "shop", Labels: map[string]string{"istio": "ingressgateway"}},
		Rules:    []model.AuthorizationRule{{From: []model.Source{{Principals: strs(model.Exact, "cluster.local/ns/default/sa/mallory")}}}}})
	p.run("edge")
	for account, status := range map[string]int{"mallory": http.StatusForbidden, "alice": http.StatusOK} {
		c := member(t, model.Workload{Namespace: "default", Name: "client", ServiceAccount: account}, nil)
		c.ClientSessionCache, c.ServerName, c.NextProtos = tls.NewLRUClientSessionCache(4), "web.test", []string{"http/1.1"}
		for range 3 {
			id := p.id()
			a := do(t, as(c), "GET https://"+p.address(1)+":8443/", "host: web.test", lie(t), "x-request-id: "+id)
			unseen(t, account, a, status)
			if a.TLS.DidResume {
				t.Errorf("%s: the session is resumed", account)
			}
			wantPeer(t, account, p.tags("edge", id), map[string]string{"krater.client.principal": "spiffe://cluster.local/ns/default/sa/" + account})
		}
	}
}
