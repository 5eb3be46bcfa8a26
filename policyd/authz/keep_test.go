package authz_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/authz"
)

func keeps(p *model.RegoPolicy) {
	p.Cache = model.CacheTimes{Allow: 60e9, Deny: 5e9}
	p.Lowered = &model.Lowered{Reads: []model.Read{{Ref: "input.attributes.request.http.path", Input: &model.ProxyInput{Kind: model.InputHeader, Name: ":path"}}}}
}

// kept asks as a cache does, and gives its mark without the versions.
func kept(t *testing.T, s *authz.Server, id string, r *authv3.CheckRequest, names string) string {
	t.Helper()
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("krater-policies", names, "krater-cache", id))
	response, err := s.Check(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.SplitN(response.GetDynamicMetadata().GetFields()[authz.KeyCache].GetStringValue(), " ", 3)
	return fields[len(fields)-1]
}

func TestAnswersThatMayBeKept(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := authz.New(authz.Options{Now: func() time.Time { return now }})
	answers := map[string]string{
		"allow": `true`, "deny": `false`, "why": `{"allowed": false, "http_status": 401, "body": "who are you?", "headers": {"WWW-Authenticate": "Bearer"}}`,
		"headers": `{"allowed": true, "headers": {"x-user": "me"}}`, "response": `{"allowed": true, "response_headers_to_add": {"x": "y"}}`,
		"remove": `{"allowed": true, "request_headers_to_remove": ["x"]}`, "query": `{"allowed": true, "query_parameters_to_set": {"x": "y"}}`,
		"metadata": `{"allowed": true, "dynamic_metadata": {"a": 1}}`, "forged": `{"allowed": true, "dynamic_metadata": {"krater_cache": "v k ALLOW 1"}}`,
		"other": `{"allowed": false, "headers": {"x-why": "no"}}`, "twice": `{"allowed": false, "headers": {"www-authenticate": ["a", "b"]}}`,
		"redirect": `{"allowed": false, "http_status": 302}`, "long": fmt.Sprintf(`{"allowed": false, "body": %q}`, strings.Repeat("x", model.MaxKeptBody+1)),
	}
	var list []model.RegoPolicy
	for name, answer := range answers {
		list = append(list, policy("a/"+name, "package p\n\nallow := "+answer+"\n", keeps))
	}
	list = append(list, policy("a/undefined", nothing, keeps, open), policy("a/never", allowAll),
		policy("a/clock", allowAll, keeps, func(p *model.RegoPolicy) { p.Lowered.Volatile = []string{"time.now_ns"} }))
	set(t, s, list...)
	key, why := model.DecisionKeyOf(list[:1])
	if why != "" {
		t.Fatal(why)
	}
	for _, c := range []struct{ names, id, want string }{
		{"a/allow", key.ID, "ALLOW 60000"},
		{"a/deny", key.ID, "DENY 5000"},
		{"a/why", key.ID, "DENY 5000 who are you?"},
		{"a/allow,a/deny", key.ID, "DENY 5000"},
		{"a/allow", "another", ""},
		{"a/allow", "", ""},
		{"a/allow,a/headers", key.ID, ""},
		{"a/headers,a/deny", key.ID, "DENY 5000"},
	} {
		if have := kept(t, s, c.id, get("/"), c.names); have != c.want {
			t.Errorf("%s, asked by %q: %q, want %q", c.names, c.id, have, c.want)
		}
	}
	for _, name := range []string{"headers", "response", "remove", "query", "metadata", "forged", "other", "twice", "redirect", "long", "undefined", "never", "clock", "nobody"} {
		if have := kept(t, s, key.ID, get("/"), "a/"+name); have != "" {
			t.Errorf("%s may be kept: %q", name, have)
		}
	}
}

func TestNoAnswerOutlivesItsToken(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := authz.New(authz.Options{Now: func() time.Time { return now }})
	p := policy("a/allow", allowAll, keeps)
	set(t, s, p)
	key, _ := model.DecisionKeyOf([]model.RegoPolicy{p})
	for exp, want := range map[float64]string{1_700_000_003.5: "ALLOW 3500", 1_700_000_900: "ALLOW 60000", 1_699_999_999: "", 1_700_000_000: "", -1e300: "", 1e300: "ALLOW 60000"} {
		r := get("/")
		payload, err := structpb.NewStruct(map[string]any{"payload": map[string]any{"exp": exp}})
		if err != nil {
			t.Fatal(err)
		}
		r.Attributes.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy.filters.http.jwt_authn": payload}}
		if have := kept(t, s, key.ID, r, "a/allow"); have != want {
			t.Errorf("with a token until %g: %q, want %q", exp, have, want)
		}
	}
}

// A mark names the version that answered, and that of the declared policies
// only where both are one.
func TestVersionsOfWhatIsKept(t *testing.T) {
	s := authz.New(authz.Options{})
	first, second := policy("a/p", allowAll, keeps), policy("a/p", denyAll, keeps)
	version := func() string {
		key, _ := model.DecisionKeyOf([]model.RegoPolicy{first})
		ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("krater-policies", "a/p", "krater-cache", key.ID))
		response, err := s.Check(ctx, get("/"))
		if err != nil {
			t.Fatal(err)
		}
		mark, _, _ := strings.Cut(response.GetDynamicMetadata().GetFields()[authz.KeyCache].GetStringValue(), " ")
		return mark
	}
	one, _ := model.DecisionKeyOf([]model.RegoPolicy{first})
	two, _ := model.DecisionKeyOf([]model.RegoPolicy{second})
	set(t, s, first)
	if have := version(); have != one.Version {
		t.Errorf("the first is marked %q, want %q", have, one.Version)
	}
	set(t, s, second)
	if have := version(); have != two.Version || have == one.Version {
		t.Errorf("the second is marked %q, want %q", have, two.Version)
	}
	s.SetPolicies([]model.RegoPolicy{policy("a/p", "package p\n\nallow :=", keeps)}) // the second stays in force
	if have := version(); have != two.Version {
		t.Errorf("beside a broken version it is marked %q, want %q", have, two.Version)
	}
}
