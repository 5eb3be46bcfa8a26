// Package agent_test runs agents and real Envoys: identities, the relay, and
// what is served when everything else is away.
package agent_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/krater-mesh/krater/agent/sds"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// secured is an Envoy that echoes to whoever has a certificate that ROOTCA takes.
const secured = `{
node: {id: shop/cart-v1, cluster: cart-v1},
admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}},
static_resources: {listeners: [{name: in, address: {socket_address: {address: 127.0.0.1, port_value: %d}},
  filter_chains: [{
    filters: [{name: echo, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}],
    transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
      require_client_certificate: true,
      common_tls_context: {
        tls_certificate_sds_secret_configs: [{name: default, sds_config: &sds {resource_api_version: V3, api_config_source: {
          api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: krater-sds}}]}}}],
        validation_context_sds_secret_config: {name: ROOTCA, sds_config: *sds}}}}}]}]}}`

// securedEnvoy runs one with an identity of its own.
func securedEnvoy(t *testing.T, i *harness.Identity) (address string, e *harness.Envoy) {
	t.Helper()
	admin, port := harness.FreePort(t), harness.FreePort(t)
	e = harness.StartEnvoyAs(t, i, fmt.Appendf(nil, secured, admin, port), fmt.Sprintf("http://127.0.0.1:%d", admin))
	return fmt.Sprintf("127.0.0.1:%d", port), e
}

// greet is a new connection by a caller's certificate: the server's leaf, or
// why there was no answer.
func greet(address string, caller *sds.Material) (*x509.Certificate, error) {
	pair, err := tls.X509KeyPair(caller.Chain, caller.Key)
	if err != nil {
		return nil, err
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", address, &tls.Config{
		Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true, // who it is, the caller looks at
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte("hello")); err != nil {
		return nil, err
	}
	answer := make([]byte, 5)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "hello" {
		return nil, fmt.Errorf("answered %q: %w", answer, err)
	}
	return conn.ConnectionState().PeerCertificates[0], nil
}

// TestANewCertificateReachesEnvoy: callers never stop, the certificate changes
// under them, and not one connection is refused.
func TestANewCertificateReachesEnvoy(t *testing.T) {
	authority := harness.SharedAuthority(t)
	cart := model.Workload{Namespace: "shop", Name: "cart-v1", ServiceAccount: "cart"}
	caller := authority.Issue(t, model.Workload{Namespace: "shop", Name: "page-v1"}, nil)
	identity := harness.NewIdentity(t, cart)
	address, _ := securedEnvoy(t, identity)

	var greeted atomic.Int64
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				close(failed)
				return
			default:
			}
			if _, err := greet(address, caller); err != nil {
				failed <- err
				close(failed)
				return
			}
			greeted.Add(1)
		}
	}()
	for i := range 5 {
		m := authority.Issue(t, cart, nil)
		want, err := tls.X509KeyPair(m.Chain, m.Key)
		if err != nil {
			t.Fatal(err)
		}
		identity.Set(m)
		harness.Until(t, 10*time.Second, "the new certificate", func() error {
			leaf, err := greet(address, caller)
			if err != nil {
				t.Fatalf("renewal %d: refused: %v", i, err)
			}
			if !leaf.Equal(want.Leaf) {
				return fmt.Errorf("still %v", leaf.SerialNumber)
			}
			if got := leaf.URIs[0].String(); got != "spiffe://cluster.local/ns/shop/sa/cart" {
				t.Fatalf("the identity is %s", got)
			}
			return nil
		})
	}
	harness.Until(t, 20*time.Second, "enough connections to show something", func() error {
		if n := greeted.Load(); n < 50 && len(failed) == 0 {
			return fmt.Errorf("%d only", n)
		}
		return nil
	})
	close(stop)
	if err := <-failed; err != nil {
		t.Errorf("a connection failed: %v", err)
	}
}

// TestRootsTellTrustDomainsApart: who is signed by a known root may not name
// another trust domain, and other roots are refused, until they are sent.
func TestRootsTellTrustDomainsApart(t *testing.T) {
	own, other := harness.SharedAuthority(t), harness.NewAuthority(t, "other.example")
	page := model.Workload{Namespace: "shop", Name: "page-v1"}
	served := own.Issue(t, model.Workload{Namespace: "shop", Name: "cart-v1"}, nil)
	identity := harness.ServeIdentity(t, served)
	address, _ := securedEnvoy(t, identity)
	foreign := other.Issue(t, page, nil)
	liar := own.Issue(t, page, func(c *x509.Certificate) { c.URIs[0].Host = "other.example" })

	if _, err := greet(address, own.Issue(t, page, nil)); err != nil {
		t.Errorf("a member is refused: %v", err)
	}
	for who, m := range map[string]*sds.Material{"a foreigner": foreign, "a member that names another domain": liar} {
		if _, err := greet(address, m); err == nil {
			t.Errorf("%s is served", who)
		}
	}
	more := *served
	more.Bundles = map[string][]byte{own.TrustDomain: own.Root, other.TrustDomain: other.Root}
	identity.Set(&more)
	harness.Until(t, 10*time.Second, "the other domain to be trusted", func() error {
		_, err := greet(address, foreign)
		return err
	})
	if _, err := greet(address, liar); err == nil {
		t.Error("a member that names another domain is served, once that domain is trusted")
	}
}

// TestEnvoyWaitsForItsIdentity: before there is a certificate nothing is served.
func TestEnvoyWaitsForItsIdentity(t *testing.T) {
	identity := harness.ServeIdentity(t, nil)
	admin, port := harness.FreePort(t), harness.FreePort(t)
	text := strings.ReplaceAll(fmt.Sprintf(secured, admin, port), "api_config_source:", "initial_fetch_timeout: 0s, api_config_source:")
	later := time.AfterFunc(500*time.Millisecond, func() {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			t.Error("the port is open before there is a certificate")
		}
		identity.Set(harness.SharedAuthority(t).Issue(t, model.Workload{Namespace: "shop", Name: "cart-v1"}, nil))
	})
	defer later.Stop()
	harness.StartEnvoyAs(t, identity, []byte(text), fmt.Sprintf("http://127.0.0.1:%d", admin))
}
