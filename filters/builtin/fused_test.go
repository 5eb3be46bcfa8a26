package main_test

import (
	"fmt"
	"strings"
	"testing"

	accesslist "github.com/krater-mesh/krater/filters/accesslist/config"
	attributes "github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/filters/builtin/dist"
	denier "github.com/krater-mesh/krater/filters/denier/config"
	"github.com/krater-mesh/krater/filters/filtertest"
	fused "github.com/krater-mesh/krater/filters/fused/config"
	headers "github.com/krater-mesh/krater/filters/headers/config"
)

// all is a configuration with every filter that can be one of several. Each
// needs what the one before it did.
func all() string {
	return fused.Config{Filters: []fused.Filter{
		fused.Of("attributes", attributes.Config{Attributes: []attributes.Attribute{
			{Name: "user", From: attributes.From{Header: "end-user"}, ToHeader: "x-user"},
			{Name: "id", From: attributes.From{JSON: "/id"}, ToHeader: "x-id"},
		}, MaxBody: 1000}.JSON()),
		fused.Of("headers", headers.Config{
			Request:  headers.Changes{Set: map[string]string{"x-listed": "yes"}},
			Response: headers.Changes{Set: map[string]string{"x-answer": "fused"}},
		}.JSON()),
		fused.Of("accesslist", accesslist.Config{Lists: []accesslist.List{{
			Name: "l", Action: "ALLOW", Kind: "EXACT", Key: accesslist.Key{Header: "x-listed"}, Entries: "yes",
		}}}.JSON()),
		fused.Of("denier", denier.Config{Rules: []denier.Rule{
			{Name: "seven", Match: denier.Match{Headers: map[string]string{"x-id": "7"}}, Status: 418},
			{Name: "nobody", Match: denier.Match{Headers: map[string]string{"x-user": "nobody"}}},
		}}.JSON()),
	}}.JSON()
}

func TestFused(t *testing.T) {
	p := configure(t, "fused", all())
	p.BodiesCome = true
	json := [2]string{"content-type", "application/json"}
	for name, c := range map[string]struct {
		request filtertest.Request
		status  int // of the filter's own reply
	}{
		"passes":          {filtertest.Request{Headers: [][2]string{{"end-user", "jason"}}}, 0},
		"denied":          {filtertest.Request{Headers: [][2]string{{"end-user", "nobody"}}}, 403},
		"body passes":     {filtertest.Request{Headers: [][2]string{{"end-user", "jason"}, json}, Parts: []string{`{"id":`, `"8"}`}}, 0},
		"body denied":     {filtertest.Request{Headers: [][2]string{json}, Parts: []string{`{"id":`, `"7"}`}}, 418},
		"trailers denied": {filtertest.Request{Headers: [][2]string{json}, Body: `{"id":"7"}`, Trailers: [][2]string{{"a", "b"}}}, 418},
	} {
		res := send(t, p, c.request)
		status := 0
		if res.Reply != nil {
			status = res.Reply.Status
		}
		if status != c.status || res.Paused {
			t.Errorf("%s: replied %d, want %d; paused %v", name, status, c.status, res.Paused)
		}
		if v, _ := res.Response.Get("x-answer"); v != "fused" {
			t.Errorf("%s: the answer has %v", name, res.Response.All())
		}
		if want := strings.Join(append(c.request.Parts, c.request.Body), ""); status == 0 && res.Body != want {
			t.Errorf("%s: upstream got %q, want %q", name, res.Body, want)
		}
	}
	_, err := module.Configure("fused", `{"filters":[{"root":"headers","config":{"request":{"sett":{}}}},{"root":"decisioncache"},{"root":"fused"}]}`)
	for _, want := range []string{
		"filters[0].config.request.sett: unknown field", "filters[2].root: there is no filter \"fused\" to run here",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("says %v, want %s", err, want)
		}
	}
}

// TestMemoryStaysFlat runs every filter with a collection at each turn.
func TestMemoryStaysFlat(t *testing.T) {
	wasm, _ := dist.Module()
	m, err := filtertest.Load(t.Context(), wasm, "GOGC=1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	p, err := m.Configure("fused", all())
	if err != nil {
		t.Fatal(err)
	}
	p.BodiesCome = true
	run := func(n int) int {
		for i := range n {
			id := fmt.Sprint(i)
			res := send(t, p, filtertest.Request{Headers: [][2]string{{"end-user", id}, {"content-type", "application/json"}}, Parts: []string{`{"id":`, `"` + id + `0"}`}})
			if user, _ := res.Request.Get("x-user"); user != id || res.Reply != nil {
				t.Fatalf("request %d: x-user is %q, replied %+v", i, user, res.Reply)
			}
		}
		return m.MemorySize()
	}
	// A page or two may be added once, by where the heap's pieces lie.
	if before, after := run(1500), run(3000); after > before+2*65536 {
		t.Errorf("memory grew from %d to %d bytes", before, after)
	}
}
