package envoy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
)

// TestAccessListsAreNamed has the mesh name who denied, for lists of any size.
func TestAccessListsAreNamed(t *testing.T) {
	w := newFilterWorld(t, "page-v1")
	w.snap.Mesh.Denials = model.Denials{Header: true, Body: model.DenialJSON}
	l := model.AccessList{Object: model.Ref{Kind: "AccessList", Namespace: "default", Name: "deny"}, Action: model.Deny, Header: "x-who", Match: model.AccessExact, Entries: []string{"eve"}}
	long := l
	for i := range model.MaxNativeAccess {
		long.Entries = append(long.Entries, fmt.Sprintf("x%d", i))
	}
	for rule, l := range map[string]*model.AccessList{"AccessList/default/deny/rule[0]": &l, "accesslist/default/deny": &long} {
		w.snap.AccessLists = []*model.AccessList{l}
		w.plane.publish(rule, w.translated("page-v1").Set())
		for headers, status := range map[string]int{"x-who: eve": 403, "x-who: alice": 200} {
			a := do(t, client(newTransport()), "GET http://"+w.address(2)+":9080/", headers)
			by, want := a.Header.Get(model.HeaderDeniedBy), ""
			if status == 403 {
				want = rule
			}
			if a.StatusCode != status || by != want || status == 403 && strings.TrimSpace(a.body) != `{"deniedBy":"`+rule+`"}` {
				t.Errorf("%s: %s: %d, by %q, %q", rule, headers, a.StatusCode, by, a.body)
			}
		}
	}
}

// TestAccessListsMeanTheSameAtAnySize asks each list twice: as it is, by Envoy's
// own RBAC filter, and with so many entries more that the built-in filter looks
// it up. Both answer what explain says.
func TestAccessListsMeanTheSameAtAnySize(t *testing.T) {
	w := newFilterWorld(t, "page-v1")
	w.snap.Attributes = []*model.AttributeSet{{Object: model.Ref{Kind: "AttributeSet", Namespace: "default", Name: "a"},
		Attributes: []model.Attribute{{Name: "user", Cookie: "user"}}}}
	list := func(name string, change func(*model.AccessList)) *model.AccessList {
		l := &model.AccessList{Object: model.Ref{Kind: "AccessList", Namespace: "default", Name: name}, Action: model.Deny, Header: "x-who", Match: model.AccessExact}
		change(l)
		return l
	}
	type request struct {
		headers string
		status  int
	}
	for _, c := range []struct {
		list     *model.AccessList
		more     string // a format for further entries
		requests []request
	}{
		{list("deny", func(l *model.AccessList) { l.Entries = []string{"Mallory", "eve"} }), "x%d", []request{
			{"", 200}, {"x-who: Mallory", 403}, {"x-who: mallory", 200}, {"x-who: ev", 200}, {"x-who: eve,eve", 200}}},
		{list("allow", func(l *model.AccessList) { l.Action, l.Entries = model.Allow, []string{"alice"} }), "x%d", []request{
			{"", 403}, {"x-who: alice", 200}, {"x-who: Alice", 403}}},
		{list("fold", func(l *model.AccessList) { l.Match, l.Entries = model.AccessFold, []string{"Mallory", "straße"} }), "x%d", []request{
			{"x-who: MALLORY", 403}, {"x-who: STRAßE", 403}, {"x-who: STRASSE", 200}}},
		{list("attribute", func(l *model.AccessList) { l.Header, l.Attribute, l.Entries = "", "user", []string{"eve"} }), "x%d", []request{
			{"", 200}, {"cookie: user=eve", 403}, {"cookie: user=alice", 200}}},
		{list("address", func(l *model.AccessList) {
			l.Header, l.Match, l.Entries = "", model.AccessCIDR, []string{"192.0.2.0/24", "2001:db8::/32"}
		}), "10.0.%d.0/24", []request{
			{"", 200}, {"x-forwarded-for: 192.0.2.7", 403}, {"x-forwarded-for: 192.0.3.7", 200}, {"x-forwarded-for: 2001:db8::1", 403}, {"x-forwarded-for: 192.0.2.7, 198.51.100.1", 200}}},
		{list("only", func(l *model.AccessList) {
			l.Action, l.Header, l.Match, l.Entries = model.Allow, "", model.AccessCIDR, []string{"192.0.2.0/24"}
		}), "10.0.%d.0/24", []request{{"", 403}, {"x-forwarded-for: 192.0.2.7", 200}, {"x-forwarded-for: 10.0.250.7", 403}}},
		{list("elsewhere", func(l *model.AccessList) { l.Ports, l.Entries = []uint32{1}, []string{"eve"} }), "x%d", []request{{"x-who: eve", 200}}},
	} {
		long := *c.list
		for i := range model.MaxNativeAccess {
			long.Entries = append(long.Entries, fmt.Sprintf(c.more, i))
		}
		for _, l := range []*model.AccessList{c.list, &long} {
			name := fmt.Sprintf("%s with %d entries", l.Object.Name, len(l.Entries))
			w.snap.AccessLists = []*model.AccessList{l}
			w.plane.publish(name, w.translated("page-v1").Set())
			for _, r := range c.requests {
				a := do(t, client(newTransport()), "GET http://"+w.address(2)+":9080/", r.headers)
				if a.StatusCode != r.status || a.StatusCode == 403 && a.body != "RBAC: access denied" {
					t.Errorf("%s: %q: %d %q, want %d", name, r.headers, a.StatusCode, a.body, r.status)
				}
				if got := w.explained(r.headers); got != r.status {
					t.Errorf("%s: %q: explain says %d, want %d", name, r.headers, got, r.status)
				}
			}
		}
	}
}

// explained is the status that explain gives for a request to page.
func (w *filterWorld) explained(header string) int {
	w.t.Helper()
	headers := explain.Headers{}
	if name, value, ok := strings.Cut(header, ": "); ok {
		headers[name] = []string{value}
	}
	x, err := explain.Explain(w.snap, w.pageEndpoint(), nil, explain.Request{From: "page-v1", Host: "page.default.svc.cluster.local:9080", Path: "/", Headers: headers})
	if err != nil {
		w.t.Fatal(err)
	}
	return int(x.Outcomes[0].Verdict.Status)
}
