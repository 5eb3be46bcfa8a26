package controlplane

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/cmd/krater/stages"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// filterSecretsMesh has a Secret of the same name in each namespace, and
// filters that name keys of them.
const filterSecretsMesh = twoNamespaces + `
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}
stringData: {token: shop-token-value, route: shop-route-value, unused: shop-unused-value}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: bank}
stringData: {token: bank-token-value, gone: bank-gone-value}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: istio-system}
stringData: {token: root-token-value}
---
apiVersion: krater.dev/v1alpha1
kind: Filter
metadata: {name: web, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, url: ./x.wasm, schema: {}, config: {token: {secretRef: {name: keys, key: token}}}, routes: [{match: {methods: [PUT]}, config: {token: {secretRef: {name: keys, key: route}}}}]}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: all, namespace: istio-system}
spec: {url: "file://DIR/x.wasm", pluginConfig: {}}
---
apiVersion: krater.dev/v1alpha1
kind: Filter
metadata: {name: everywhere, namespace: istio-system}
spec: {selector: {matchLabels: {app: web}}, url: ./x.wasm, schema: {}, config: {a: [{secretRef: {name: keys, key: token}}]}}
---
apiVersion: krater.dev/v1alpha1
kind: Filter
metadata: {name: web, namespace: bank}
spec: {selector: {matchLabels: {app: web}}, url: ./x.wasm, schema: {}, config: {token: {secretRef: {name: keys, key: KEY}}}}
`

// wants is who gets which value; everybody else gets none.
var wants = map[string][]string{
	"shop/web": {"shop-token-value", "shop-route-value", "root-token-value"},
	"bank/web": {"bank-gone-value", "root-token-value"},
}

// A value goes only to the proxies whose own filters name it, and by nothing
// but the resource that agents keep for themselves.
func TestValuesGoOnlyToWhoNamesThem(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("x.wasm", string(wasm))
	mesh := strings.NewReplacer("DIR", dir, "KEY", "gone").Replace(filterSecretsMesh)
	write("mesh.yaml", mesh)
	st, err := stages.Open([]string{dir}, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	publisher := newPublisher(translate.Options{})
	publish := func() map[string]recipient {
		t.Helper()
		result, err := st.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Snapshot.Filters) != 4 {
			t.Fatalf("%d filters are in force: %v", len(result.Snapshot.Filters), result.Problems)
		}
		recipients, _, err := publisher.recipients(result, nil)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]recipient{}
		for _, r := range recipients {
			out[r.node] = r
		}
		return out
	}
	for node, to := range publish() {
		for _, value := range []string{"shop-token-value", "shop-route-value", "shop-unused-value", "bank-token-value", "bank-gone-value", "root-token-value"} {
			want := strings.Contains(fmt.Sprint(wants[node]), value)
			if got := gets(to, value, true); got != want {
				t.Errorf("%s gets %s: %v", node, value, got)
			}
			if gets(to, value, false) {
				t.Errorf("%s gets %s in a resource that Envoy sees", node, value)
			}
		}
	}

	// The key is taken away: it is still named, without a value.
	write("mesh.yaml", strings.Replace(mesh, ", gone: bank-gone-value", "", 1))
	if bank := publish()["bank/web"]; gets(bank, "bank-gone-value", true) || !mentions(bank, model.TypeFilterSecrets, `"bank/keys/gone":null`) {
		t.Error("a key that is taken away is not said to be missing")
	}
}

// gets tells whether a text is in what agents keep, as it stands there, or in
// anything else, in either form.
func gets(r recipient, value string, agents bool) bool {
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	if agents {
		return mentions(r, model.TypeFilterSecrets, encoded)
	}
	for _, p := range r.parts {
		for typeURL := range (translate.Resources{}).Set() {
			if p.Mentions(typeURL, []byte(value)) || p.Mentions(typeURL, []byte(encoded)) {
				return true
			}
		}
	}
	return false
}

func mentions(r recipient, typeURL, text string) bool {
	for _, p := range r.parts {
		if p.Mentions(typeURL, []byte(text)) {
			return true
		}
	}
	return false
}
