package model

import "testing"

func TestParseIdentity(t *testing.T) {
	good := Identity{"cluster.local", "default", "bookinfo-reviews"}
	if got, err := ParseIdentity(good.String()); err != nil || got != good {
		t.Errorf("ParseIdentity(%s) = %v, %v", good, got, err)
	}
	for _, bad := range []string{
		"", "cluster.local/ns/default/sa/a", "spiffe://cluster.local", "spiffe://cluster.local/ns/default/sa/",
		"spiffe://cluster.local/ns/default/sa/a/b", "spiffe:///ns/default/sa/a", "spiffe://td/ns/a%2Fb/sa/c",
		"spiffe://td/ns/a.b/sa/c", "spiffe://TD/ns/a/sa/c", "spiffe://td:443/ns/a/sa/c", "spiffe://td/sa/c/ns/a",
	} {
		if got, err := ParseIdentity(bad); err == nil {
			t.Errorf("ParseIdentity(%q) = %v, want an error", bad, got)
		}
	}
}

func TestDNSName(t *testing.T) {
	w := Workload{Namespace: "default", Name: "reviews.v1"}
	namespace, name, ok := ParseDNSName(w.DNSName("cluster.local"), "cluster.local")
	if namespace != "default" || name != "reviews.v1" || !ok {
		t.Errorf("ParseDNSName = %q, %q, %v", namespace, name, ok)
	}
	for _, bad := range []string{"", ".workload.cluster.local", "a.workload.cluster.local", "a..workload.cluster.local", ".b.workload.cluster.local", "a.b.workload.other", "a/x.b.workload.cluster.local"} {
		if _, _, ok := ParseDNSName(bad, "cluster.local"); ok {
			t.Errorf("ParseDNSName(%q) is taken", bad)
		}
	}
}

func TestMTLSPrecedence(t *testing.T) {
	w := Workload{Namespace: "shop", Name: "web", Labels: map[string]string{"app": "web"}}
	mesh := &PeerAuthentication{Object: Ref{Namespace: "root", Name: "mesh"}, Mode: MTLSStrict}
	namespace := &PeerAuthentication{Object: Ref{Namespace: "shop", Name: "all"}, Mode: MTLSDisable}
	unset := &PeerAuthentication{Object: Ref{Namespace: "shop", Name: "unset"}}
	own := &PeerAuthentication{Object: Ref{Namespace: "shop", Name: "web"}, Selector: &Selector{Labels: map[string]string{"app": "web"}},
		Ports: map[uint32]MTLSMode{8080: MTLSPermissive}}
	other := &PeerAuthentication{Object: Ref{Namespace: "shop", Name: "other"}, Selector: &Selector{Labels: map[string]string{"app": "db"}}, Mode: MTLSStrict}
	for _, c := range []struct {
		list        []*PeerAuthentication
		all, of8080 MTLSMode
	}{
		{nil, MTLSPermissive, MTLSPermissive},
		{[]*PeerAuthentication{mesh}, MTLSStrict, MTLSStrict},
		{[]*PeerAuthentication{mesh, namespace}, MTLSDisable, MTLSDisable},
		{[]*PeerAuthentication{mesh, unset}, MTLSStrict, MTLSStrict},
		{[]*PeerAuthentication{mesh, unset, namespace}, MTLSStrict, MTLSStrict}, // the elder counts
		{[]*PeerAuthentication{mesh, own, other}, MTLSStrict, MTLSPermissive},
	} {
		s := &Snapshot{Mesh: Mesh{RootNamespace: "root"}, PeerAuthentications: c.list}
		if got := s.MTLS(w); got.Port(1) != c.all || got.Port(8080) != c.of8080 {
			t.Errorf("%v: %v", c.list, got)
		}
	}
}
