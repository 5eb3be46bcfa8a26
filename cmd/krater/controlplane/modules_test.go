package controlplane

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// A module that comes over the network holds nothing up: its filter is in
// force when it is there, without it when it is known not to come, and the last
// good goes on when a newer one is bad.
func TestAModuleFromTheNetwork(t *testing.T) {
	var page atomic.Pointer[[]byte]
	gate := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-gate
		if b := page.Load(); b != nil {
			w.Write(*b)
			return
		}
		http.NotFound(w, nil)
	}))
	defer server.Close()
	r := newRig(t, t.TempDir())
	mesh := strings.Replace(theMesh, "  meshConfig:", "  filters: {pullInterval: 10s, hosts: [{host: \""+strings.TrimPrefix(server.URL, "http://")+"\", private: true, http: true}]}\n  meshConfig:", 1)
	from := func(rest string) {
		r.write("mesh/mesh.yaml", strings.Replace(mesh, "./mine.wasm,", server.URL+"/"+rest+",", 1))
	}
	module := func(s Status, state ModuleState) *ModuleStatus {
		for i, m := range s.Modules {
			if m.State == state && strings.HasPrefix(m.URL, server.URL) && len(m.Filters) == 1 && m.Filters[0] == "Filter shop/mine" {
				return &s.Modules[i]
			}
		}
		return nil
	}
	first := r.now().snapshot.Filters[0].Module.Digest

	from("a")
	s := r.until("it is pending, and the last good goes on", func(s Status) bool {
		f := r.now().snapshot.Filters
		return module(s, ModulePending) != nil && hasCode(s, model.CodeModulePending) && len(f) == 1 && f[0].Module.Digest == first
	})
	if s.Synced() || !strings.Contains(s.Waiting(), "pending") {
		t.Errorf("while it is pending: %q, %v", s.Waiting(), s.Problems)
	}
	page.Store(&wasm)
	close(gate)
	r.until("it is there", func(s Status) bool {
		m := module(s, ModuleReady)
		return m != nil && m.Proxies == 1 && !hasCode(s, model.CodeModulePending)
	})

	bad := []byte("no module")
	page.Store(&bad)
	from("b")
	s = r.until("another is bad", func(s Status) bool { return module(s, ModuleFailed) != nil && hasCode(s, model.CodeBadModule) })
	if f := r.now().snapshot.Filters; len(f) != 1 || f[0].Module.URL != server.URL+"/a" || !hasCode(s, model.CodeLastGood) {
		t.Errorf("in force is %+v: %v", f, s.Problems)
	}

	// A new object has no last good: its failure policy says what becomes of it.
	r.write("mesh/new.yaml", "apiVersion: krater.dev/v1alpha1\nkind: Filter\nmetadata: {name: new, namespace: shop}\nspec: {url: \""+server.URL+"/c\"}\n"+
		"---\napiVersion: krater.dev/v1alpha1\nkind: Filter\nmetadata: {name: open, namespace: shop}\nspec: {url: \""+server.URL+"/c\", failurePolicy: FAIL_OPEN}\n")
	r.until("the new one is in force without its module, the open one is not", func(s Status) bool {
		var without, open bool
		for _, f := range r.now().snapshot.Filters {
			without = without || f.Object.Name == "new" && f.Module.Digest == ""
			open = open || f.Object.Name == "open"
		}
		return without && !open && hasCode(s, model.CodeModuleMissing)
	})
}

func hasCode(s Status, code string) bool {
	for _, p := range s.Problems {
		if p.Code == code {
			return true
		}
	}
	return false
}
