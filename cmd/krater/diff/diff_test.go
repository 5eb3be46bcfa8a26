package diff_test

import (
	"strings"
	"testing"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/krater-mesh/krater/cmd/krater/diff"
)

const typeCluster, typeSecret = "type.googleapis.com/envoy.config.cluster.v3.Cluster", "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"

func set(typeURL, name string, m proto.Message) diff.Set {
	return diff.Set{typeURL: {name: m}}
}

func text(t *testing.T, before, after map[string]diff.Set) string {
	t.Helper()
	r, err := diff.Compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEqualResourcesAreNoChange(t *testing.T) {
	of := func() map[string]diff.Set {
		return map[string]diff.Set{"a": set(typeCluster, "c", &cluster.Cluster{Name: "c"})}
	}
	if got := text(t, of(), of()); got != "1 proxy as before\n" {
		t.Errorf("%q", got)
	}
}

func TestAFieldIsNamedOnceForAllProxies(t *testing.T) {
	old, now := &cluster.Cluster{ConnectTimeout: durationpb.New(1e9)}, &cluster.Cluster{ConnectTimeout: durationpb.New(2e9)}
	got := text(t, map[string]diff.Set{"a": set(typeCluster, "c", old), "b": set(typeCluster, "c", old)},
		map[string]diff.Set{"a": set(typeCluster, "c", now), "b": set(typeCluster, "c", now)})
	if want := "2 proxies: a, b\n  ~ Cluster c\n      ~ connect_timeout: \"1s\" → \"2s\"\n\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestKeysAreNeverShown(t *testing.T) {
	secret := func(key string) *tls.Secret {
		return &tls.Secret{Name: "s", Type: &tls.Secret_TlsCertificate{TlsCertificate: &tls.TlsCertificate{
			PrivateKey: &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: []byte(key)}}}}}
	}
	got := text(t, map[string]diff.Set{"a": set(typeSecret, "s", secret("old"))}, map[string]diff.Set{"a": set(typeSecret, "s", secret("new"))})
	if !strings.Contains(got, "tls_certificate.private_key: \"(hidden") || strings.Contains(got, "b2xk") || strings.Contains(got, "bmV3") {
		t.Error(got)
	}
}
