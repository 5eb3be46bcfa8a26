// Package doors_test has a real Envoy reach policyd and the collector as those
// of other machines do: over a network, by mutual TLS.
package doors_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/agent/sds"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/telemetry/door"
	"github.com/krater-mesh/krater/test/harness"
	"google.golang.org/grpc"
	"sigs.k8s.io/yaml"
)

const patience = 30 * time.Second

// inside is the collector behind its door: it keeps whose telemetry came.
type inside struct {
	accesslogv3.UnimplementedAccessLogServiceServer
	mu   sync.Mutex
	logs []string
}

func (i *inside) StreamAccessLogs(s accesslogv3.AccessLogService_StreamAccessLogsServer) error {
	for {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		if id := m.GetIdentifier(); id != nil {
			i.mu.Lock()
			i.logs = append(i.logs, id.GetNode().GetId())
			i.mu.Unlock()
		}
	}
}

// background runs something until the test ends.
func background(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// network is a daemon's side: whose certificate it shows, and who calls.
func network(t *testing.T, m *sds.Material) (*tls.Config, func(context.Context) (string, string, error)) {
	t.Helper()
	bundle, err := identity.ParseBundle(harness.TrustDomain, harness.SharedAuthority(t).Root)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := identity.ParseCertificates(m.Chain)
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.ParseKey(m.Key)
	if err != nil {
		t.Fatal(err)
	}
	own := identity.Credential{Chain: chain, Key: key, Bundle: bundle}
	return identity.ServerTLS(func() (identity.Credential, bool) { return own, true }, time.Now),
		func(ctx context.Context) (string, string, error) {
			c, err := identity.VerifiedPeer(ctx, bundle, time.Now())
			return c.Namespace, c.Workload, err
		}
}

func system(t *testing.T, name string) *sds.Material {
	t.Helper()
	return harness.SharedAuthority(t).Issue(t, model.Workload{Namespace: identity.SystemNamespace, Name: name, ServiceAccount: name}, nil)
}

func port(t *testing.T) string { return "127.0.0.1:" + strconv.Itoa(harness.FreePort(t)) }

// policydAt opens a policyd's door that shows some certificate.
func policydAt(t *testing.T, m *sds.Material) string {
	t.Helper()
	server, caller := network(t, m)
	o := policyd.Options{Listen: "unix:" + filepath.Join(harness.ShortTemp(t), "p.sock"), Doors: []string{port(t)},
		Network: listen.Network{Server: server, Caller: caller}, Logger: slog.New(slog.DiscardHandler)}
	service := policyd.New(o)
	if problems := service.Server().SetPolicies([]model.RegoPolicy{{
		Object: model.Ref{Kind: "RegoPolicy", Namespace: "shop", Name: "own"}, Selector: model.Selector{Namespace: "shop"},
		Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\nallow if input.attributes.request.http.path == \"/good\""}},
		Query:   "data.p.allow", Mode: model.Enforce, Failure: model.FailClosed, Timeout: model.Duration(5 * time.Second),
	}}); len(problems) > 0 {
		t.Fatal(problems)
	}
	background(t, service.Run)
	return o.Doors[0]
}

// collectorAt opens a collector's door.
func collectorAt(t *testing.T) (*inside, string) {
	t.Helper()
	in := &inside{}
	socket := filepath.Join(harness.ShortTemp(t), "in.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	accesslogv3.RegisterAccessLogServiceServer(g, in)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	server, caller := network(t, system(t, identity.Collector))
	address := port(t)
	background(t, door.New(door.Options{Listen: []string{address}, TLS: server, Caller: caller, OTLP: "unix:" + socket, ALS: "unix:" + socket}).Run)
	return in, address
}

// listener asks policyd about each request, and sends a log of it.
const listener = `
name: in
address: {socket_address: {address: %s, port_value: 8080}}
filter_chains:
- filters:
  - name: http
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: in
      access_log:
      - name: als
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig
          common_config: {log_name: requests, transport_api_version: V3, buffer_flush_interval: 0.1s, grpc_service: {envoy_grpc: {cluster_name: krater-als}}}
      route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}]}
      http_filters:
      - name: ask
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
          transport_api_version: V3
          status_on_error: {code: ServiceUnavailable}
          grpc_service: {timeout: 5s, envoy_grpc: {cluster_name: krater-policyd}, initial_metadata: [{key: krater-policies, value: shop/own}, {key: krater-workload, value: bank/vault}]}
      - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
`

// proxy starts the Envoy of a workload, and gives what it answers to a path.
func proxy(t *testing.T, w model.Workload, address, policyd, collector string) func(path string) int {
	t.Helper()
	i := harness.NewIdentity(t, w)
	b, err := agent.Bootstrap(agent.Proxy{ID: w.ID(), Name: w.Name, Address: address},
		agent.Upstreams{Policyd: policyd, OTLP: collector, ALS: collector, SDS: i.SDS, TrustDomain: harness.TrustDomain})
	if err != nil {
		t.Fatal(err)
	}
	text, err := agent.MarshalBootstrap(b)
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	var in any
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(fmt.Appendf(nil, listener, address), &in); err != nil {
		t.Fatal(err)
	}
	whole["static_resources"].(map[string]any)["listeners"] = []any{in}
	if text, err = json.Marshal(whole); err != nil {
		t.Fatal(err)
	}
	harness.StartEnvoyAs(t, nil, text, fmt.Sprintf("http://%s:%d", address, agent.AdminPort))
	return func(path string) int {
		res, err := http.Get("http://" + address + ":8080" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
}

func cart(account string) model.Workload {
	return model.Workload{Namespace: "shop", Name: "cart", ServiceAccount: account}
}

func TestAnEnvoyElsewhereAsksAndTellsByMutualTLS(t *testing.T) {
	in, collector := collectorAt(t)
	get := proxy(t, cart("cart"), "127.81.77.1", policydAt(t, system(t, identity.Policyd)), collector)
	harness.Until(t, patience, "policyd to allow", func() error {
		if code := get("/good"); code != http.StatusOK {
			return fmt.Errorf("%d", code)
		}
		return nil
	})
	if code := get("/bad"); code != http.StatusForbidden {
		t.Errorf("a request that the policy denies: %d", code)
	}
	harness.Until(t, patience, "logs of the workload", func() error {
		in.mu.Lock()
		defer in.mu.Unlock()
		if !slices.Contains(in.logs, "shop/cart") {
			return fmt.Errorf("logs of %v", in.logs)
		}
		return nil
	})
}

// Another member cannot stand in policyd's place, though its certificate is
// good: Envoy asks nobody but policyd.
func TestAnEnvoyAsksNobodyElse(t *testing.T) {
	_, collector := collectorAt(t)
	for name, m := range map[string]*sds.Material{
		"another member": harness.SharedAuthority(t).Issue(t, model.Workload{Namespace: "bank", Name: "vault", ServiceAccount: "policyd"}, nil),
		"the collector":  system(t, identity.Collector),
		"a stranger": harness.NewAuthority(t, harness.TrustDomain).Issue(t,
			model.Workload{Namespace: identity.SystemNamespace, Name: identity.Policyd, ServiceAccount: identity.Policyd}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			get := proxy(t, cart("cart"), "127.81.77.2", policydAt(t, m), collector)
			for range 3 {
				if code := get("/good"); code != http.StatusServiceUnavailable {
					t.Errorf("it is asked, and answers %d", code)
				}
			}
		})
	}
}
