package envoy_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/translate"
)

// translateCase is a golden input of xds/translate.
type translateCase struct {
	Workload  string          `json:"workload"`
	Snapshot  *model.Snapshot `json:"snapshot"`
	Endpoints model.Endpoints `json:"endpoints"`
}

func (c translateCase) proxy(t testing.TB) model.Workload {
	t.Helper()
	w, ok := c.Snapshot.Workload(c.Workload)
	if !ok {
		t.Fatalf("no workload %s", c.Workload)
	}
	return w
}

// translateCases reads every golden input of xds/translate.
func translateCases(t testing.TB) map[string]translateCase {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(harness.Root(), "xds/translate/testdata/*.in.yaml"))
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d cases, error %v", len(paths), err)
	}
	out, network := map[string]translateCase{}, translateNetwork(t)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var c translateCase
		data = []byte(strings.ReplaceAll(string(data), "127.80.", network))
		if err := yaml.UnmarshalStrict(data, &c); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		c.Endpoints.Sort()
		c.Snapshot.Seal()
		out[strings.TrimSuffix(filepath.Base(path), ".in.yaml")] = c
	}
	return out
}

// translateNetwork gives the beginning ("127.a.") of loopback addresses that
// nobody uses, so that fixed ports cannot be taken.
func translateNetwork(t testing.TB) string {
	t.Helper()
	for range 50 {
		network := fmt.Sprintf("127.%d.", 81+rand.IntN(170))
		l, err := net.Listen("tcp", network+"0.2:15001")
		if err == nil {
			l.Close()
			return network
		}
	}
	t.Fatal("no free loopback network")
	return ""
}

// translateBase is the part of a bootstrap that the agent writes: where the
// admin page and the daemons are. An address of "" leads nowhere.
func translateBase(admin int, policyd, als string) *bootstrapv3.Bootstrap {
	return &bootstrapv3.Bootstrap{
		Node:  &corev3.Node{Id: "default/test", Cluster: "test"},
		Admin: &bootstrapv3.Admin{Address: socketAddress("127.0.0.1", uint32(admin))},
		StaticResources: &bootstrapv3.Bootstrap_StaticResources{Clusters: []*clusterv3.Cluster{
			daemonCluster("krater-policyd", policyd), daemonCluster("krater-otlp", ""), daemonCluster("krater-als", als),
		}},
	}
}

func daemonCluster(name, unixPath string) *clusterv3.Cluster {
	at := socketAddress("127.0.0.1", 9)
	if unixPath != "" {
		at = &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: unixPath}}}
	}
	options, err := anypb.New(&httpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
			ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{},
		}},
	})
	if err != nil {
		panic(err)
	}
	return &clusterv3.Cluster{
		Name:                          name,
		ConnectTimeout:                durationpb.New(time.Second),
		ClusterDiscoveryType:          &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpointv3.LocalityLbEndpoints{{
			LbEndpoints: []*endpointv3.LbEndpoint{{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: at}}}},
		}}},
	}
}

func socketAddress(ip string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: ip, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

// callsFrom is the part of a bootstrap that has calls leave from a workload's
// own address.
func callsFrom(w model.Workload) *bootstrapv3.ClusterManager {
	return &bootstrapv3.ClusterManager{UpstreamBindConfig: &corev3.BindConfig{
		SourceAddress: socketAddress(w.Address, 0).GetSocketAddress(),
	}}
}

// staticBootstrap translates a case into what `envoy -c` runs.
func staticBootstrap(t testing.TB, c translateCase, o translate.Options, base *bootstrapv3.Bootstrap) []byte {
	t.Helper()
	resources, problems := translate.Translate(c.Snapshot, c.Endpoints, c.proxy(t), o)
	base.ClusterManager = callsFrom(c.proxy(t))
	for _, p := range problems {
		t.Log(p)
	}
	b, err := translate.StaticWithKeys(resources, base)
	if err != nil {
		t.Fatal(err)
	}
	out, err := translate.BootstrapJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
