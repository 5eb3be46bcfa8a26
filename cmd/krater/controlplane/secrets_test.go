package controlplane

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/draw"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
	"sigs.k8s.io/yaml"
)

// secret is a namespace's, under a name that others have, too; mark is a text
// that only its key has.
func secret(t *testing.T, namespace string) (text, mark string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{namespace + ".example"}, IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	encoded := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	return fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: cert, namespace: %s}\ntype: kubernetes.io/tls\ndata: {tls.crt: %s, tls.key: %s, ca.crt: %s}\n---\n",
		namespace, encoded(chain), encoded(private), encoded(chain)), strings.Split(string(private), "\n")[2]
}

// twoNamespaces has workloads and a gateway in each.
const twoNamespaces = `
apiVersion: krater.dev/v1alpha1
kind: Mesh
metadata: {name: test}
spec:
  workloads:
  - {name: web, namespace: shop, labels: {app: web}, command: [none], address: 127.80.9.1, ports: [{name: http, port: 80, protocol: HTTP}]}
  - {name: web, namespace: bank, labels: {app: web}, command: [none], address: 127.80.9.2, ports: [{name: http, port: 80, protocol: HTTP}]}
  - {name: ratings, namespace: default, command: [none], address: 127.80.9.3, ports: [{name: http, port: 9080, protocol: HTTP}]}
  - {name: reviews, namespace: shop, command: [none], address: 127.80.9.4, ports: [{name: http, port: 9080, protocol: HTTP}]}
  - {name: reviews, namespace: bank, command: [none], address: 127.80.9.5, ports: [{name: http, port: 9080, protocol: HTTP}]}
  - {name: payments, namespace: ops, command: [none], address: 127.80.9.6, ports: [{name: http, port: 8080, protocol: HTTP}]}
  gateways:
  - {name: edge, namespace: shop, labels: {istio: ingressgateway}, address: 127.80.9.7, ports: [{port: 80}, {port: 443}, {port: 8090}, {port: 15443}, {port: 31400}]}
  - {name: edge, namespace: bank, labels: {istio: ingressgateway}, address: 127.80.9.8, ports: [{port: 80}, {port: 443}, {port: 8090}, {port: 15443}, {port: 31400}]}
---
`

// drawn declares two namespaces whose objects name Secrets at random, by one
// name that both have. Rules of the root namespace speak for both.
func drawn(t *testing.T, i int, secrets ...string) string {
	t.Helper()
	text := twoNamespaces + strings.Join(secrets, "")
	for n, namespace := range []string{"shop", "bank", "istio-system"} {
		w := draw.Shop()
		w.Namespace, w.Secrets = namespace, []string{"cert"}
		w.Certificate, w.Key, w.CA = "/etc/certs/cert.pem", "/etc/certs/key.pem", "/etc/certs/ca.pem"
		for _, o := range draw.New(17, 10*i+n).Objects(w) {
			body, err := yaml.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			text += string(body) + "---\n"
		}
	}
	return text
}

// TestNobodyGetsAnothersSecret: whatever is declared, what a proxy is given
// has no key of another namespace, in no resource of any type.
func TestNobodyGetsAnothersSecret(t *testing.T) {
	marks, texts := map[string]string{}, []string{}
	for _, namespace := range []string{"shop", "bank", "istio-system"} {
		text, mark := secret(t, namespace)
		marks[namespace] = mark
		texts = append(texts, text)
	}
	given := 0
	for i := range 30 {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "mesh.yaml"), []byte(drawn(t, i, texts...)), 0o600); err != nil {
			t.Fatal(err)
		}
		st, err := stages.Open([]string{dir}, "", t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		result, err := st.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		recipients, _, err := newPublisher(translate.Options{}).recipients(result, nil)
		if err != nil {
			t.Fatalf("draw %d: %v", i, err)
		}
		for _, to := range recipients {
			own, _, _ := strings.Cut(to.node, "/")
			for namespace, mark := range marks {
				for _, part := range to.parts {
					switch has := part.Holds([]byte(mark)); {
					case has && namespace == own:
						given++
					case has:
						t.Errorf("draw %d: %s is given the key of %s", i, to.node, namespace)
					}
				}
			}
		}
	}
	if given < 20 {
		t.Errorf("%d keys were given at all: the draws name no Secrets", given)
	}
}

// A translation that gives a Secret away is not published.
func TestAStraySecretStopsTheEdit(t *testing.T) {
	part := func(name string) []*translate.Part {
		return []*translate.Part{{Resources: translate.Resources{Secrets: []*tlsv3.Secret{{Name: name}}}}}
	}
	w := model.Workload{Namespace: "shop", Name: "web"}
	for name, good := range map[string]bool{
		"kubernetes://shop/cert": true, "kubernetes://shop/cert-cacert": true, "file-root:/etc/ca.pem": true,
		"kubernetes://bank/cert": false, "kubernetes://shop2/cert": false, "kubernetes://cert": false,
	} {
		if err := ownSecrets(w, part(name)); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whoever asks for another's secret by its name is told that there is none.
func TestASecretIsNobodyElsesByItsName(t *testing.T) {
	dir := t.TempDir()
	shop, mark := secret(t, "shop")
	r := &rig{t: t, dir: dir}
	r.write("mesh/mesh.yaml", shop+strings.ReplaceAll(theMesh, "---\napiVersion: krater.dev/v1alpha1\nkind: Filter", `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: out, namespace: shop}
spec:
  host: db.vm.svc.cluster.local
  trafficPolicy: {tls: {mode: MUTUAL, credentialName: cert}}
---
apiVersion: krater.dev/v1alpha1
kind: Filter`))
	r.write("mesh/mine.wasm", string(wasm))
	r = newRig(t, dir)
	const name = "kubernetes://shop/cert"
	for _, c := range []struct {
		by    string
		gives bool
	}{{"shop/cart", true}, {"bank/vault", false}} {
		namespace, workload, _ := strings.Cut(c.by, "/")
		s := r.stream(r.dial(r.credential(namespace, workload, workload)), c.by, serve.TypeSecret, name, "*")
		var got []string
		for answered := false; !answered; {
			res, err := s.Recv()
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range res.GetResources() {
				if bytes.Contains(x.GetResource().GetValue(), []byte(mark)) {
					got = append(got, x.GetName())
				}
			}
			answered = len(got) > 0 || slices.Contains(res.GetRemovedResources(), name)
		}
		if (len(got) > 0) != c.gives {
			t.Errorf("%s got %v", c.by, got)
		}
	}
}
